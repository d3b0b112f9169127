"""One TFF worker for the tests of a file; kept no longer, since tests of the runtime count workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tff_health.runtime.context import execution_context


@pytest.fixture(scope="module")
def tff_context() -> Iterator[None]:
    """The test backend also runs what needs no secure sum."""
    with execution_context(backend="test"):
        yield
