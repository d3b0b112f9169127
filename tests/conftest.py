"""Options and conditions that hold for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# Before any test imports TensorFlow: quiet logs, and the CPU even where a GPU could be seen.
from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()

# What a shell starts in its background is deaf to Ctrl-C, and so is all that it starts; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    skip = pytest.mark.skip(reason="slow: give --run-slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real patients' files; tests that need it skip with a reason where there is none."""
    folder = os.environ.get("TFF_HEALTH_DATA")
    if not folder:
        pytest.skip("TFF_HEALTH_DATA names no folder with real data")
    return Path(folder)
