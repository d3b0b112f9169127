"""One TFF worker for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tff_health.runtime.context import execution_context


@pytest.fixture(scope="session")
def tff_context() -> Iterator[None]:
    with execution_context():
        yield
