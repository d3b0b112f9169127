"""Centre and scale of each encoded column, from the federated statistics or from the schema alone."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from data.schema import Column
from tff_health.analytics.table_statistics import TableStatistics

Scaling = Literal["standard", "min-max", "bounds", "symmetric-bounds", "none"]
PUBLIC_SCALINGS: tuple[Scaling, ...] = ("symmetric-bounds", "bounds", "none")
"""Those that need the schema alone."""


def check_scaling(scaling: str, statistics: TableStatistics) -> None:
    """Refuses a scaling that does not exist, or that these statistics cannot give.

    Raises:
        ValueError: with the remedy.
    """
    if scaling not in get_args(Scaling):
        raise ValueError(f"scaling must be one of {', '.join(get_args(Scaling))}, not {scaling!r}")
    has_values = bool(statistics.noise) or bool(np.isfinite(statistics.mean).any())
    if scaling == "min-max" and has_values and np.isnan(statistics.minimum).all():
        raise ValueError(
            "min-max scaling needs minima and maxima, which these statistics were computed without; use the public "
            "bounds (scaling 'bounds') or compute them with extremes=True"
        )


def check_public_scaling(scaling: str, *, reach: float, scale_categories: bool) -> None:
    """Refuses a scaling that needs statistics of patients, or options that do not go with it.

    Raises:
        ValueError: with the remedy.
    """
    if scaling not in get_args(Scaling):
        raise ValueError(f"scaling must be one of {', '.join(get_args(Scaling))}, not {scaling!r}")
    if scaling not in PUBLIC_SCALINGS:
        raise ValueError(
            f"scaling {scaling!r} needs statistics of patients; without them use one of {', '.join(PUBLIC_SCALINGS)}"
        )
    if not (math.isfinite(reach) and reach > 0):
        raise ValueError(f"reach must be above 0 and finite, not {reach}")
    if scaling != "symmetric-bounds" and (scale_categories or reach != 1.0):
        raise ValueError(f"scale_categories and reach go with scaling 'symmetric-bounds', not with {scaling!r}")


def numeric_scale(statistics: TableStatistics, column: Column, scaling: Scaling) -> tuple[float, float]:
    """Centre and scale of a numeric column: the result is (x - centre) / scale.

    `standard`: mean and population standard deviation of the observed cells, as scikit-learn's StandardScaler has
    them (before imputation). `min-max`: observed extremes to 0 and 1; new rows may fall outside. For the others see
    `public_scale`. A constant column, or one without a value, gets scale 1; noisy statistics that show no value scale
    by the public bounds to -1 and 1, because patients may have values all the same.

    Raises:
        ValueError: the statistics lack mean and variance.
    """
    index = statistics.position(column.name)
    if scaling == "standard":
        statistics.require_moments(column.name)
        centre, scale = float(statistics.mean[index]), float(statistics.sd[index])
    elif scaling == "min-max":
        centre = float(statistics.minimum[index])
        scale = float(statistics.maximum[index]) - centre
    else:
        return public_scale(column, scaling)
    if math.isnan(centre):  # no value anywhere: imputation filled in the bounds' middle
        middle, half = public_scale(column, "symmetric-bounds")
        return middle, half if statistics.noise else 1.0
    return float(centre), float(scale) if scale > 0 else 1.0


def public_scale(column: Column, scaling: Scaling, reach: float = 1.0) -> tuple[float, float]:
    """Centre and scale of a numeric column without a look at patients, so at no cost in privacy.

    `bounds`: public bounds to 0 and 1. `symmetric-bounds`: public bounds to -reach and reach. `none`: as it is.
    """
    assert column.bounds is not None
    low, high = column.bounds
    if scaling == "bounds":
        return low, high - low
    if scaling == "symmetric-bounds":
        return (low + high) / 2, (high - low) / 2 / reach
    assert scaling == "none"
    return 0.0, 1.0


def share_scale(share: float, margin: float = 0.0) -> tuple[float, float]:
    """Centre and scale that standardise a 0/1 column: its share p of ones, and sqrt(p (1 - p)), or 1 if constant.

    Args:
        share: p; not finite is read as 0.
        margin: how far p may be off. For the scale, p is kept that far from 0 and 1, so that a rare code whose noisy
            count came out as 0 does not become a huge feature.
    """
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    inner = min(max(share, margin), 1.0 - margin)
    deviation = math.sqrt(inner * (1.0 - inner))
    return share, deviation if deviation > 0 else 1.0


def share_margin(statistics: TableStatistics, name: str) -> float:
    """How far a share of a column's observed cells may be off, at most .5; 0 for exact statistics.

    The noise on a count, but at least one patient, relative to the observed cells.
    """
    if not statistics.noise:
        return 0.0
    observed = statistics.observed[statistics.position(name)]
    return min(0.5, max(1.0, statistics.noise) / max(1.0, float(np.nan_to_num(observed))))


def code_shares(statistics: TableStatistics, name: str) -> np.ndarray:
    """float64 [codes]: each code's share of a coded column's observed cells; zeros for a column without any.

    Raises:
        ValueError: the statistics lack the counts.
    """
    counts = np.maximum(statistics.category_counts(name), 0.0)
    total = counts.sum()
    return counts / total if total > 0 else np.zeros_like(counts)
