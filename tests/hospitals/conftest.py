"""Three hospitals, each in a worker of its own that was started in its own folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hospitals_apart import federation

from tff_health.hospitals.context import HospitalsContext
from tff_health.runtime.worker import Worker


@pytest.fixture(scope="module")
def three_hospitals(tmp_path_factory) -> Iterator[tuple[HospitalsContext, dict[str, Worker]]]:
    with federation(tmp_path_factory.mktemp("hospitals")) as made:
        yield made
