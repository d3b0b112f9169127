"""Centre and scale of each encoded column, from the federated statistics."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from data.schema import Column
from tff_health.analytics.table_statistics import TableStatistics

Scaling = Literal["standard", "min-max", "bounds", "none"]


def check_scaling(scaling: str, statistics: TableStatistics) -> None:
    """Refuses a scaling that does not exist, or that these statistics cannot give.

    Raises:
        ValueError: with the remedy.
    """
    if scaling not in get_args(Scaling):
        raise ValueError(f"scaling must be one of {', '.join(get_args(Scaling))}, not {scaling!r}")
    has_values = bool(np.isfinite(statistics.mean).any())
    if scaling == "min-max" and has_values and np.isnan(statistics.minimum).all():
        raise ValueError(
            "min-max scaling needs minima and maxima, which these statistics were computed without; use the public "
            "bounds (scaling 'bounds') or compute them with extremes=True"
        )


def numeric_scale(statistics: TableStatistics, column: Column, scaling: Scaling) -> tuple[float, float]:
    """Centre and scale of a numeric column: the result is (x - centre) / scale.

    `standard`: mean and population standard deviation of the observed cells, as scikit-learn's StandardScaler has
    them (before imputation). `min-max`: observed extremes to 0 and 1; new rows may fall outside. `bounds`: public
    bounds to 0 and 1, at no cost in privacy. A constant column, or one without a value, gets scale 1.
    """
    index = statistics.position(column.name)
    if scaling == "standard":
        centre, scale = float(statistics.mean[index]), float(statistics.sd[index])
    elif scaling == "min-max":
        centre = float(statistics.minimum[index])
        scale = float(statistics.maximum[index]) - centre
    elif scaling == "bounds":
        assert column.bounds is not None
        centre, scale = column.bounds[0], column.bounds[1] - column.bounds[0]
    else:
        return 0.0, 1.0
    if math.isnan(centre):  # no value anywhere: imputation filled in the bounds' middle
        assert column.bounds is not None
        return float(np.mean(column.bounds)), 1.0
    return float(centre), float(scale) if scale > 0 else 1.0


def share_scale(share: float) -> tuple[float, float]:
    """Centre and scale that standardise a 0/1 column: its share p of ones, and sqrt(p (1 - p)), or 1 if constant."""
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    deviation = math.sqrt(share * (1.0 - share))
    return share, deviation if deviation > 0 else 1.0


def code_shares(statistics: TableStatistics, name: str) -> np.ndarray:
    """float64 [codes]: each code's share of a coded column's observed cells; zeros for a column without any."""
    counts = np.maximum(statistics.categories[name], 0.0)
    total = counts.sum()
    return counts / total if total > 0 else np.zeros_like(counts)
