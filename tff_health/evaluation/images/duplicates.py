"""Images that occur more than once, exactly or nearly, within a set or between two."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.image_arrays import RANGE, checked_images
from tff_health.evaluation.images.nearest_images import MEMORY

NEAR = 30.0
"""Decibels of PSNR from which two images count as near duplicates: a typical difference of 3 % of the range. No two
different training images of PneumoniaMNIST are that close."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """How often each image occurs elsewhere.

    Attributes:
        exact: other images equal to it in every pixel, int64 [n].
        near: other images at least as close as was asked for, the equal ones among them, int64 [n].
    """

    exact: np.ndarray
    near: np.ndarray

    @property
    def exact_share(self) -> float:
        """Share of the images that have an equal one elsewhere."""
        return float((self.exact > 0).mean())

    @property
    def near_share(self) -> float:
        """Share of the images that have a near duplicate elsewhere."""
        return float((self.near > 0).mean())


def find_duplicates(images: npt.ArrayLike, others: npt.ArrayLike | None = None, *, near: float = NEAR) -> Duplicates:
    """Counts each image's duplicates.

    Args:
        images: float32 [n, size, size, 1] in [-1, 1].
        others: those to look among, of the same size; None for the images themselves, an image being no duplicate of
            its own.
        near: PSNR in decibels from which two images count as near duplicates.

    Raises:
        DataError: the images cannot be compared.
        ValueError: `near` is not a number.
    """
    from sklearn.metrics import pairwise_distances_chunked

    if not np.isfinite(near):
        raise ValueError(f"near must be a finite number of decibels, not {near}")
    asked = checked_images(images, "images")
    pool = asked if others is None else checked_images(others, "images searched", asked)
    rows, columns = (array.reshape(len(array), -1).astype(np.float64) for array in (asked, pool))
    radius = RANGE * np.sqrt(rows.shape[1]) * 10 ** (-near / 20)

    def within(block: np.ndarray, start: int) -> np.ndarray:
        return np.asarray((block <= radius).sum(axis=1))

    counts = pairwise_distances_chunked(rows, columns, reduce_func=within, metric="euclidean", working_memory=MEMORY)
    occurrences = Counter(_bytes(pool))
    exact = np.array([occurrences[image] for image in _bytes(asked)])
    itself = int(others is None)
    # Rounding must not leave out an equal image where `near` is asked for in hundreds of decibels.
    return Duplicates(exact - itself, np.maximum(np.concatenate(list(counts)), exact) - itself)


def _bytes(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images + np.float32(0)]  # which turns -0 into 0
