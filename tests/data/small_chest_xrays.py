"""Made-up files in the layouts of PneumoniaMNIST and of Kermany's folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

COUNTS = {"train": (40, 60), "val": (6, 8), "test": (10, 12)}


def archive_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays as in pneumoniamnist.npz, of random distinct pictures."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for split, (normal, ill) in COUNTS.items():
        arrays[f"{split}_images"] = rng.integers(0, 256, (normal + ill, 28, 28)).astype(np.uint8)
        arrays[f"{split}_labels"] = rng.permutation(np.repeat([0, 1], (normal, ill)))[:, np.newaxis].astype(np.uint8)
    return arrays


def write_archive(folder: Path, arrays: Mapping[str, np.ndarray] | None = None) -> Path:
    path = folder / "pneumoniamnist.npz"
    np.savez(path, **(archive_arrays() if arrays is None else arrays))
    return path


def picture(seed: int, height: int = 90, width: int = 120) -> np.ndarray:
    """A smooth random picture, uint8 [height, width], told from others at any size."""
    coarse = np.random.default_rng(seed).uniform(20, 230, (6, 6))
    return np.clip(zoom(coarse, (height / 6, width / 6), order=1), 0, 255).astype(np.uint8)


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "JPEG", quality=95)
    return path


def write_folder(root: Path, names: Mapping[str, list[str]] | None = None) -> Path:
    """A folder `chest_xray` inside `root`; every second picture is RGB, sizes differ.

    Args:
        root: gets the folder.
        names: file names by "split/CLASS"; by default 12 normal and 12 ill patients train, 3 and 3 test.
    """
    if names is None:
        names = {
            "train/NORMAL": [f"IM-{number:04}-0001.jpeg" for number in range(1, 13)],
            "train/PNEUMONIA": [
                f"person{number}_{kind}_{number * 2 + which}.jpeg"
                for number in range(1, 13)
                for which, kind in enumerate(("virus", "bacteria"))
            ],
            "test/NORMAL": [f"IM-{number:04}-0001.jpeg" for number in range(101, 104)],
            "test/PNEUMONIA": [f"person{number}_virus_{number}.jpeg" for number in range(101, 104)],
        }
    seed = 0
    for inside, files in names.items():
        for file in files:
            seed += 1
            pixels = picture(seed, 80 + seed % 7 * 5, 100 + seed % 5 * 9)
            write_picture(root / "chest_xray" / inside / file, np.stack([pixels] * 3, -1) if seed % 2 else pixels)
    return root / "chest_xray"
