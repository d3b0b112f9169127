"""What tests of private fits share."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from counted_releases import CountedReleases


@pytest.fixture
def counted_releases(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType, str], CountedReleases]:
    """See `CountedReleases`; of the module that fits and the name of its first release."""
    return lambda module, first: CountedReleases(monkeypatch, module, first)
