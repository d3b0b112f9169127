"""The closest images of a pool by Euclidean distance in pixels, for thousands of images in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.image_arrays import checked_images

CLOSEST = 8
MEMORY = 64
"""Mebibytes of distances held at a time."""


@dataclass(frozen=True, eq=False)
class NearestImages:
    """The closest images of a pool, closest first.

    Attributes:
        index: positions in the pool, int64 [n, k].
        distance: Euclidean distances in pixels, float64 [n, k]; 0 for equal images and for no others.
    """

    index: np.ndarray
    distance: np.ndarray


def nearest_images(images: npt.ArrayLike, pool: npt.ArrayLike, closest: int = CLOSEST) -> NearestImages:
    """Finds each image's closest ones.

    The search is by matrix products, which cancel digits where images are nearly equal; the distances of those found
    are then computed from differences.

    Args:
        images: float32 [n, size, size, 1] in [-1, 1].
        pool: [m, size, size, 1] of the same size.
        closest: k, how many are wanted; fewer where the pool has fewer.

    Raises:
        DataError: the images cannot be compared.
    """
    from sklearn.metrics import pairwise_distances_chunked

    asked = checked_images(images, "images")
    others = checked_images(pool, "images searched", asked)
    count = min(closest, len(others))
    rows, columns = (array.reshape(len(array), -1).astype(np.float64) for array in (asked, others))

    def closest_of(block: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        found = np.argpartition(block, count - 1, axis=1)[:, :count]
        exact = np.empty(found.shape)
        for rank in range(count):
            exact[:, rank] = np.linalg.norm(rows[start : start + len(block)] - columns[found[:, rank]], axis=1)
        # Of equally close ones the first in the pool comes first.
        order = np.lexsort((found, exact))
        return np.take_along_axis(found, order, 1), np.take_along_axis(exact, order, 1)

    blocks = list(
        pairwise_distances_chunked(rows, columns, reduce_func=closest_of, metric="euclidean", working_memory=MEMORY)
    )
    index, distance = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return NearestImages(index, distance)
