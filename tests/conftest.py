"""Options and conditions that hold for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from data.catalogue import load_dataset
from data.federation import Federation

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
        if "slow" in item.keywords or _needs_something_slow(item):
            item.add_marker(skip)


def _needs_something_slow(item: pytest.Item) -> bool:
    """Whether the test uses a fixture, however indirectly, that its file counts among the `SLOW_FIXTURES`."""
    slow = getattr(getattr(item, "module", None), "SLOW_FIXTURES", ())
    return not set(slow).isdisjoint(getattr(item, "fixturenames", ()))


def _workers_of_tff() -> list[psutil.Process]:
    """Workers of TFF's own default context, which nothing ends before the interpreter does."""
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in children if any("executor_stacks" in word for word in child.cmdline())]


@pytest.fixture(autouse=True)
def _tff_is_asked_inside_the_project_s_context() -> Iterator[None]:
    """The test that computes outside of `execution_context` fails, not a later one that finds the worker."""
    yield
    strays = _workers_of_tff()
    for stray in strays:
        stray.kill()
        stray.wait(10)
    assert not strays, "this test asked TFF outside of execution_context()"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real patients' files; tests that need it skip with a reason where there is none."""
    folder = os.environ.get("TFF_HEALTH_DATA")
    if not folder:
        pytest.skip("TFF_HEALTH_DATA names no folder with real data")
    return Path(folder)


@pytest.fixture(scope="session")
def cleveland(real_data: Path) -> Callable[..., Federation]:
    """Loads Cleveland's 303 patients as five hospitals, by split seed; a fifth of them is held out."""

    def load(split_seed: int, **arguments: int) -> Federation:
        settings = {
            "protocol": "all_features",
            "hospitals": ["cleveland"],
            "partition": "iid",
            "simulated_hospitals": 5,
            "test_fraction": 0.2,
            "split_seed": split_seed,
        }
        return load_dataset("heart_disease", settings, data_dir=real_data, **arguments)

    return load


@pytest.fixture(scope="session")
def draw() -> Callable[..., Any]:
    """Images of 28 pixels that a classifier can tell apart and a copier can be caught with, as `ImageSet`.

    Smooth random pictures; those of class 1 have a bright patch of random place and strength on one side.
    """
    from scipy.ndimage import gaussian_filter

    from tff_health.evaluation.images.image_set import ImageSet

    def drawn(count: int, seed: int, *, size: int = 28, share: float = 0.5, name: str = "images") -> Any:
        rng = np.random.default_rng(seed)
        labels = (rng.permutation(count) < share * count).astype(np.int64)
        fields = gaussian_filter(rng.normal(size=(count, size, size)), (0, size / 14, size / 14))
        fields *= 0.25 / fields.std()
        rows, columns = np.mgrid[:size, :size] / size
        middles = rng.uniform([0.3, 0.6], [0.7, 0.8], size=(count, 2))
        patches = np.exp(-((rows - middles[:, :1, None]) ** 2 + (columns - middles[:, 1:, None]) ** 2) / (2 * 0.15**2))
        strengths = labels * rng.uniform(0.4, 1, count)
        pictures = np.clip(fields - 0.2 + strengths[:, None, None] * patches, -1, 1)
        return ImageSet(pictures[..., np.newaxis].astype(np.float32), labels, name)

    return drawn


@pytest.fixture(scope="session")
def untrained_dcgan() -> Callable[..., Any]:
    """Makes generators of 8 x 8 images as they are before training, which differ by class; a fifth is normal."""

    def build(**changes: Any) -> Any:
        from tff_health.learning.dcgan.settings import DcganSettings
        from tff_health.learning.dcgan.task import DcganTask
        from tff_health.learning.gan.process import generator_weights
        from tff_health.learning.gan.weights import initial_weights
        from tff_health.synthesis.images.dcgan_generator import DcganGenerator

        settings = DcganSettings(latent_dim=4, generator_channels=4, discriminator_channels=4, **changes)
        counts = np.array([20, 80])
        weights = initial_weights(DcganTask(8, counts, settings), settings.training(), 1)
        return DcganGenerator(8, ("normal", "pneumonia"), counts, settings, generator_weights(weights))

    return build
