"""A distance between real and synthetic images beside the one between real images and other real images.

A distance of sets is not 0 between two draws from one distribution, and some, such as the Frechet distance, depend on
how many images are compared. So the real images are divided into halves at random, several times; each time the
distance of one half to the other is the floor, and that of the same half to as many synthetic images is the value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from tff_health.evaluation.images.feature_arrays import checked_features

SPLITS = 10
MOST = 1_000


@dataclass(frozen=True)
class AgainstFloor:
    """A distance and its floor: means over splits.

    Attributes:
        value: real images to synthetic ones.
        floor: real images to other real ones.
        value_sd: standard deviation over splits. Splits share their images, so this tells how much one split's figure
            depends on the draw and is no standard error.
        floor_sd: the same of the floor.
        n: images on either side of every comparison.
        splits: averaged over.
    """

    value: float
    floor: float
    value_sd: float
    floor_sd: float
    n: int
    splits: int

    @property
    def excess(self) -> float:
        """How far the value lies above the floor."""
        return self.value - self.floor


def against_floor(
    distance: Callable[[np.ndarray, np.ndarray], float],
    real: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    splits: int = SPLITS,
    most: int = MOST,
) -> AgainstFloor:
    """Measures a distance and its floor with the same number of images.

    Args:
        distance: of two sets of features, such as `frechet_distance` or `kernel_distance`.
        real: features of real images, [n, entries], n >= 4.
        synthetic: features of synthetic ones, [m, entries], m >= 2.
        rng: source of the splits.
        splits: 2 or more.
        most: images on either side; fewer where half of the real ones, or all synthetic ones, are fewer.

    Raises:
        DataError: the features cannot be compared, or there are too few.
        ValueError: `splits` or `most` is below 2.
    """
    if splits < 2 or most < 2:
        raise ValueError(f"splits and most must be 2 or more, not {splits} and {most}")
    points = checked_features(real, "real images")
    made = checked_features(synthetic, "synthetic images", points)
    if len(points) < 4:
        raise DataError(f"There are features of {len(points)} real images: two halves of two take four.")
    n = min(len(points) // 2, len(made), most)
    values, floors = np.empty(splits), np.empty(splits)
    for split in range(splits):
        order = rng.permutation(len(points))
        half, other = points[order[:n]], points[order[n : 2 * n]]
        floors[split] = distance(half, other)
        values[split] = distance(half, made[rng.choice(len(made), n, replace=False)])
    return AgainstFloor(
        value=float(values.mean()),
        floor=float(floors.mean()),
        value_sd=float(values.std(ddof=1)),
        floor_sd=float(floors.std(ddof=1)),
        n=n,
        splits=splits,
    )
