"""Images of 28 pixels that a classifier can tell apart and a copier can be caught with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tff_health.evaluation.images.image_arrays import LabelledImages

Draw = Callable[..., LabelledImages]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Smooth random pictures; those of class 1 have a bright patch of random place and strength on one side."""

    def drawn(count: int, seed: int, *, size: int = 28, share: float = 0.5, name: str = "images") -> LabelledImages:
        rng = np.random.default_rng(seed)
        labels = (rng.permutation(count) < share * count).astype(np.int64)
        fields = gaussian_filter(rng.normal(size=(count, size, size)), (0, size / 14, size / 14))
        fields *= 0.25 / fields.std()
        rows, columns = np.mgrid[:size, :size] / size
        middles = rng.uniform([0.3, 0.6], [0.7, 0.8], size=(count, 2))
        patches = np.exp(-((rows - middles[:, :1, None]) ** 2 + (columns - middles[:, 1:, None]) ** 2) / (2 * 0.15**2))
        strengths = labels * rng.uniform(0.4, 1, count)
        pictures = np.clip(fields - 0.2 + strengths[:, None, None] * patches, -1, 1)
        return LabelledImages(pictures[..., np.newaxis].astype(np.float32), labels, name)

    return drawn


@pytest.fixture(scope="session")
def pneumonia(real_data) -> dict[str, LabelledImages]:
    """PneumoniaMNIST: `train`, `val` and `test`."""
    path = real_data / "pneumoniamnist" / "pneumoniamnist.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the folder with real data")
    with np.load(path) as arrays:
        return {
            part: LabelledImages(
                arrays[f"{part}_images"][..., np.newaxis].astype(np.float32) / 127.5 - 1,
                arrays[f"{part}_labels"][:, 0],
                f"{part} images",
            )
            for part in ("train", "val", "test")
        }
