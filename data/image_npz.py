"""Labelled images as an .npz of grey levels, which NumPy reads without pickle."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.image_cleaning import grey_levels
from data.whole_file import write_whole


def write_images(pixels: np.ndarray, path: Path, labels: np.ndarray | None = None, classes: Sequence[str] = ()) -> None:
    """Writes `images` uint8 [images, size, size] and, where there are labels, `labels` int64 and `classes` str.

    Args:
        pixels: float32 [images, size, size, 1] in [-1, 1].
        path: ends in `.npz`; its folder is made.
        labels: int [images], positions in `classes`.
        classes: names.

    Raises:
        DataError: the file cannot be written.
    """
    arrays = {"images": grey_levels(pixels)[..., 0]}
    if labels is not None:
        arrays |= {"labels": labels.astype(np.int64), "classes": np.array(classes, np.str_)}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(path, content.getvalue())
