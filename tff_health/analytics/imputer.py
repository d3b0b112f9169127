"""Filling in missing cells with statistics of all hospitals' training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from data.schema import Column, Kind
from tff_health.analytics.table_statistics import TableStatistics

NUMERIC_STRATEGIES = ("mean", "median", "most_frequent")
CODED_STRATEGIES = ("most_frequent", "all_zero")

Imputation = str | Mapping[Kind, str]
"""One strategy for numeric columns (coded ones then take the most frequent code), or a strategy by kind."""


def strategies_by_kind(imputation: Imputation) -> dict[Kind, str]:
    """Resolves a setting into one strategy per kind.

    Args:
        imputation: `mean`, `median` or `most_frequent` for numeric columns; or a mapping from kind to one of these,
            and to `most_frequent` or `all_zero` for `binary` and `categorical`. Kinds left out take `mean` and
            `most_frequent`.

    Raises:
        ValueError: an unknown kind or strategy.
    """
    resolved: dict[Kind, str] = {
        "continuous": "mean",
        "integer": "mean",
        "binary": "most_frequent",
        "categorical": "most_frequent",
    }
    chosen: Mapping[Any, str]
    chosen = {"continuous": imputation, "integer": imputation} if isinstance(imputation, str) else imputation
    for kind, strategy in chosen.items():
        if kind not in get_args(Kind):
            raise ValueError(f"imputation: {kind!r} is no kind of column; kinds are {', '.join(get_args(Kind))}")
        allowed = NUMERIC_STRATEGIES if kind in ("continuous", "integer") else CODED_STRATEGIES
        if strategy not in allowed:
            raise ValueError(f"imputation of {kind} columns must be one of {', '.join(allowed)}, not {strategy!r}")
        resolved[kind] = strategy
    return resolved


@dataclass(frozen=True)
class FeatureImputer:
    """What stands in for a feature's missing cells.

    Attributes:
        fill: a number in the column's unit, or a position in the codebook; None leaves a coded cell missing, which
            the encoder turns into all zeros.
        strategy: how `fill` was found: a strategy's name, or `middle of the public bounds`, `all_zero` for a column
            without any value in training.
        missing: share of training cells that were missing, 0 to 1.
        unseen: positions of the codebook that no training row has. They are read as missing: a model has learnt
            nothing about them.
    """

    fill: float | None
    strategy: str
    missing: float
    unseen: tuple[int, ...] = ()

    @classmethod
    def fit(cls, statistics: TableStatistics, column: Column, strategy: str) -> FeatureImputer:
        """Chooses the fill value of one feature.

        `median` is exact to one bin of the histogram; `most_frequent` of numbers is the centre of the fullest bin,
        which for integers in unit bins is the mode. Of equally frequent codes the first in the codebook wins.
        """
        index = statistics.position(column.name)
        missing = float(statistics.missing[index] / statistics.rows) if statistics.rows > 0 else 0.0
        if not column.is_numeric:
            counts = statistics.categories[column.name]
            unseen = tuple(int(code) for code in np.flatnonzero(counts <= 0))
            if strategy == "all_zero" or len(unseen) == len(counts):
                return cls(None, "all_zero", missing, unseen)
            return cls(float(np.argmax(counts)), strategy, missing, unseen)
        if strategy == "mean":
            fill = float(statistics.mean[index])
        elif strategy == "median":
            fill = statistics.quantile(column.name, 0.5)
        else:
            fill = statistics.histograms[column.name].mode()
        if np.isnan(fill):
            assert column.bounds is not None
            return cls(float(np.mean(column.bounds)), "middle of the public bounds", missing)
        return cls(fill, strategy, missing)

    def transform(self, values: np.ndarray) -> np.ndarray:
        """A copy of float64 [rows] with missing and unseen cells filled in; NaN stays only where `fill` is None."""
        absent = np.isnan(values) | np.isin(values, self.unseen)
        return np.where(absent, np.nan if self.fill is None else self.fill, values)
