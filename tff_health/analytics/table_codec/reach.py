"""How far modes reach, so that every value has one to hold it. NumPy only."""

from __future__ import annotations

import math

import numpy as np

from data.schema import Column
from tff_health.analytics.mixtures.mixture import GaussianMixture
from tff_health.analytics.table_codec.numeric_column import SPREAD


def widened(mixture: GaussianMixture, column: Column, intervals: np.ndarray) -> np.ndarray:
    """Reaches of a column's modes: four standard deviations, longer where an interval would lie outside them all.

    The mode that has the fewest standard deviations to go is the one that reaches further.

    Args:
        mixture: the modes that are kept.
        column: for its bounds, and whether only whole numbers count.
        intervals: float64 [k, 2], ends of the bins that must be held; none to begin with.

    Returns:
        float64 [modes], above 0.
    """
    assert column.bounds is not None
    reaches = SPREAD * mixture.deviations
    for low, high in np.clip(intervals, *column.bounds):
        if column.kind == "integer":
            low, high = math.ceil(low), math.floor(high)
        distance = np.maximum(np.abs(low - mixture.means), np.abs(high - mixture.means))
        if (distance <= reaches).any():
            continue
        mode = int(np.argmin(distance / mixture.deviations))
        # By a hair more, so that the bin's end is inside whatever the rounding.
        reaches[mode] = distance[mode] * (1 + 1e-9)
    return reaches
