"""Hospitals' folders with secrets of one roster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hospital_secrets import hospitals_at


@pytest.fixture
def make_hospitals(tmp_path) -> Callable[[Sequence[str]], bytes]:
    return lambda names: hospitals_at(tmp_path, names)
