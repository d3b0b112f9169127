"""Real X-rays for the measures; simulated ones are `tests/conftest.py`'s `draw`."""

from __future__ import annotations

import numpy as np
import pytest

from tff_health.evaluation.images.image_set import ImageSet


@pytest.fixture(scope="session")
def pneumonia(real_data) -> dict[str, ImageSet]:
    """PneumoniaMNIST: `train`, `val` and `test`."""
    path = real_data / "pneumoniamnist" / "pneumoniamnist.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the folder with real data")
    with np.load(path) as arrays:
        return {
            part: ImageSet(
                arrays[f"{part}_images"][..., np.newaxis].astype(np.float32) / 127.5 - 1,
                arrays[f"{part}_labels"][:, 0],
                f"{part} images",
            )
            for part in ("train", "val", "test")
        }
