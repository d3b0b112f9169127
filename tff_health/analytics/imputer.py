"""Filling in missing cells: with statistics of all hospitals' training rows, or with public knowledge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from data.schema import Column, Kind
from tff_health.analytics.table_statistics import TableStatistics

NUMERIC_STRATEGIES = ("mean", "median", "most_frequent", "middle")
CODED_STRATEGIES = ("most_frequent", "all_zero", "first")
PUBLIC_STRATEGIES = ("middle", "all_zero", "first")
"""Those that need the schema alone."""

Imputation = str | Mapping[Kind, str]
"""One strategy for numeric columns (coded ones then take the most frequent code), or a strategy by kind."""


def strategies_by_kind(
    imputation: Imputation, *, numeric: str = "mean", coded: str = "most_frequent"
) -> dict[Kind, str]:
    """Resolves a setting into one strategy per kind.

    Args:
        imputation: `mean`, `median`, `most_frequent` or `middle` (of the public bounds) for numeric columns; or a
            mapping from kind to one of these, and to `most_frequent`, `all_zero` or `first` (code of the codebook)
            for `binary` and `categorical`.
        numeric: strategy of the numeric kinds that are left out.
        coded: strategy of the others that are left out.

    Raises:
        ValueError: an unknown kind or strategy.
    """
    resolved: dict[Kind, str] = {
        "continuous": numeric,
        "integer": numeric,
        "binary": coded,
        "categorical": coded,
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
        strategy: how `fill` was found: a strategy's name, or `middle of the public bounds`, `typical value`,
            `all_zero` for a column without any value in training.
        missing: share of training cells that were missing, 0 to 1; None where nobody counted.
        unseen: positions of the codebook that no training row has. They are read as missing: a model has learnt
            nothing about them.
    """

    fill: float | None
    strategy: str
    missing: float | None
    unseen: tuple[int, ...] = ()

    @classmethod
    def fit(cls, statistics: TableStatistics, column: Column, strategy: str) -> FeatureImputer:
        """Chooses the fill value of one feature.

        `median` is exact to one bin of the histogram; `most_frequent` of numbers is the centre of the fullest bin,
        which for integers in unit bins is the mode. Of equally frequent codes the first in the codebook wins. Noisy
        counts cannot tell that a code is unseen, so none is.

        Raises:
            ValueError: the statistics lack what the strategy needs.
        """
        index = statistics.position(column.name)
        counted = statistics.rows > 0 and not np.isnan(statistics.missing[index])
        missing = float(statistics.missing[index] / statistics.rows) if counted else None
        if not column.is_numeric:
            return cls._fit_codes(statistics, column, strategy, missing)
        if strategy == "mean":
            statistics.require_moments(column.name)
            fill = float(statistics.mean[index])
        elif strategy == "median":
            fill = statistics.quantile(column.name, 0.5)
        elif strategy == "most_frequent":
            fill = statistics.mode(column.name)
        else:
            fill = float("nan")
        if np.isnan(fill):
            return cls(_middle(column), "middle of the public bounds", missing)
        return cls(fill, strategy, missing)

    @classmethod
    def _fit_codes(
        cls, statistics: TableStatistics, column: Column, strategy: str, missing: float | None
    ) -> FeatureImputer:
        if statistics.noise and strategy in PUBLIC_STRATEGIES:
            return cls(0.0 if strategy == "first" else None, strategy, missing)
        counts = statistics.category_counts(column.name)
        absent = tuple(int(code) for code in np.flatnonzero(counts <= 0))
        unseen = () if statistics.noise else absent
        if strategy == "all_zero" or len(absent) == len(counts):
            return cls(None, "all_zero", missing, unseen)
        return cls(0.0 if strategy == "first" else float(np.argmax(counts)), strategy, missing, unseen)

    @classmethod
    def public(cls, column: Column, strategy: str, typical: float | None = None) -> FeatureImputer:
        """Chooses the fill value of one feature from public knowledge.

        Args:
            column: the feature.
            strategy: `middle` for numbers, `all_zero` or `first` for codes.
            typical: a number to take instead of the middle of the bounds.

        Raises:
            ValueError: the strategy needs statistics, or the typical value is no number within the public bounds.
        """
        if strategy not in PUBLIC_STRATEGIES:
            raise ValueError(
                f"imputation {strategy!r} needs statistics of patients; without them numbers take the 'middle' of the "
                "public bounds or a typical value, codes 'all_zero' or the 'first' code"
            )
        if not column.is_numeric:
            if typical is not None:
                raise ValueError(f"{column.name!r} holds codes and takes no typical value")
            return cls(0.0 if strategy == "first" else None, strategy, None)
        if typical is None:
            return cls(_middle(column), "middle of the public bounds", None)
        assert column.bounds is not None
        if not column.bounds[0] <= typical <= column.bounds[1]:
            raise ValueError(
                f"the typical value {typical:g} of {column.name!r} lies outside its public bounds "
                f"{column.bounds[0]:g} to {column.bounds[1]:g}"
            )
        return cls(float(typical), "typical value", None)

    def transform(self, values: np.ndarray) -> np.ndarray:
        """A copy of float64 [rows] with missing and unseen cells filled in; NaN stays only where `fill` is None."""
        absent = np.isnan(values) | np.isin(values, self.unseen)
        return np.where(absent, np.nan if self.fill is None else self.fill, values)


def _middle(column: Column) -> float:
    assert column.bounds is not None
    return float(np.mean(column.bounds))
