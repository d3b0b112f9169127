"""The statistics of a table over all hospitals, as derived from the federated sums. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.schema import Column, Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.histogram import Histogram


@dataclass(frozen=True, eq=False)
class TableStatistics:
    """Statistics over all hospitals' rows. Arrays follow the schema's columns.

    Counts are whole numbers unless the sum was noisy. What was not asked for is absent: NaN in an array, no entry in
    a mapping, and an error where something is fitted that needs it.

    Attributes:
        schema: the columns.
        hospitals: how many took part.
        rows: number of rows.
        observed: float64 [columns], cells that are not missing; NaN where it is not known.
        mean: float64 [columns] in the column's unit; NaN for coded columns and columns without a value.
        variance: float64 [columns], population (divided by n); NaN as above, 0 for a constant column.
        minimum: float64 [columns]; NaN as above, and everywhere if extremes were switched off.
        maximum: the same.
        histograms: by numeric column.
        categories: by coded column, float64 [codes] in the codebook's order.
        correlated: names of the numeric and binary columns.
        correlations: float64 [correlated, correlated], or None if switched off.
        moments: names of the numeric columns whose mean and variance were asked for.
        noise: standard deviation of the noise on each released count, 0 for exact statistics.
    """

    schema: Schema
    hospitals: int
    rows: float
    observed: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    histograms: Mapping[str, Histogram]
    categories: Mapping[str, np.ndarray]
    correlated: tuple[str, ...]
    correlations: np.ndarray | None
    moments: frozenset[str]
    noise: float = 0.0

    @classmethod
    def from_totals(
        cls,
        layout: ColumnLayout,
        sums: Mapping[str, Any],
        *,
        hospitals: int,
        minimum: np.ndarray | None = None,
        maximum: np.ndarray | None = None,
    ) -> TableStatistics:
        """Derives the statistics from the summed `local_sums` of all hospitals.

        Args:
            layout: the order of the sums.
            sums: arrays as `local_sums` documents them, parts that were left out missing.
            hospitals: how many were summed.
            minimum: float64 [numeric], above the maximum for a column without a value; None if switched off.
            maximum: float64 [numeric]; None if switched off.
        """
        schema, numeric = layout.schema, np.array(layout.numeric, np.intp)
        width = len(schema.columns)
        sums = {name: np.asarray(total, np.float64) for name, total in sums.items()}
        observed = np.maximum(sums["observed"], 0.0)
        low, high = layout.bounds(layout.numeric).T
        absent = np.full(len(numeric), np.nan)
        first, second = _mean_and_variance(sums.get("first", absent), sums.get("second", absent), observed[numeric])
        half = (high - low) / 2
        names = [schema.columns[i].name for i in layout.numeric]
        smallest, largest = _spread(minimum, numeric, width), _spread(maximum, numeric, width)
        variance = _spread(second * half**2, numeric, width)
        # A column without a value comes as infinity, or as the largest float, from which TFF's minimum starts.
        without = ~(smallest <= largest)
        smallest[without] = largest[without] = np.nan
        variance[smallest == largest] = 0.0
        return cls(
            schema=schema,
            hospitals=hospitals,
            rows=float(sums["rows"]),
            observed=observed,
            mean=_spread(np.clip((low + high) / 2 + first * half, low, high), numeric, width),
            variance=variance,
            minimum=smallest,
            maximum=largest,
            histograms=layout.histograms(sums["histogram"]) if "histogram" in sums else {},
            categories=layout.category_counts(sums["categories"]) if "categories" in sums else {},
            correlated=tuple(schema.columns[i].name for i in layout.correlated),
            correlations=_correlations(sums) if "pairs" in sums else None,
            moments=frozenset(names if "first" in sums else ()),
        )

    @property
    def missing(self) -> np.ndarray:
        """float64 [columns]: missing cells; NaN where it is not known."""
        return np.maximum(self.rows - self.observed, 0.0)

    @property
    def sd(self) -> np.ndarray:
        """float64 [columns]: population standard deviation, in the column's unit."""
        return np.sqrt(self.variance)

    @property
    def sample_variance(self) -> np.ndarray:
        """float64 [columns]: variance divided by n - 1; NaN below two values."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.observed >= 2, self.variance * self.observed / (self.observed - 1), np.nan)

    def position(self, column: str) -> int:
        """Where a column stands in the arrays.

        Raises:
            KeyError: the schema has no such column.
        """
        if column not in self.schema.names:
            raise KeyError(column)
        return self.schema.names.index(column)

    def require_moments(self, column: str) -> None:
        """Refuses to go on without a numeric column's mean and variance.

        Raises:
            ValueError: they were not computed.
        """
        if column not in self.moments:
            raise ValueError(f"these statistics hold no mean and variance of {column!r}: compute the part 'moments'")

    def histogram(self, column: str) -> Histogram:
        """A numeric column's counts.

        Raises:
            ValueError: they were not computed.
        """
        if column not in self.histograms:
            raise ValueError(f"these statistics hold no histogram of {column!r}: compute the part 'histograms'")
        return self.histograms[column]

    def category_counts(self, column: str) -> np.ndarray:
        """float64 [codes] of a coded column.

        Raises:
            ValueError: they were not computed.
        """
        if column not in self.categories:
            raise ValueError(f"these statistics hold no counts of {column!r}'s codes: compute the part 'categories'")
        return self.categories[column]

    def quantile(self, column: str, q: float) -> float:
        """A numeric column's quantile to one histogram bin (`Histogram.quantile`).

        Kept within the extremes, or within the public bounds where those were not computed: the last bin may reach
        beyond both.
        """
        index = self.position(column)
        low, high = self.minimum[index], self.maximum[index]
        bounds = self.schema[column].bounds
        assert bounds is not None
        return float(np.clip(self.histogram(column).quantile(q), *(bounds if np.isnan(low) else (low, high))))

    def mode(self, column: str) -> float:
        """The centre of a numeric column's fullest bin, kept within the public bounds."""
        bounds = self.schema[column].bounds
        assert bounds is not None
        return float(np.clip(self.histogram(column).mode(), *bounds))

    def correlation(self) -> np.ndarray:
        """Pearson correlations of `correlated`, float64 [K, K].

        Pairwise complete: each pair uses the rows that have both values, as pandas does, so the matrix need not be
        positive semidefinite where values are missing. Binary columns count as 0 and 1. NaN for a constant column.

        Raises:
            ValueError: the correlation was switched off.
        """
        if self.correlations is None:
            raise ValueError("these statistics were computed with correlation=False")
        return self.correlations

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, for results and the report: undefined numbers are None, whole counts integers.

        Noisy statistics also say the `noise` on their counts.
        """
        correlation = None
        if self.correlations is not None:
            matrix = [[_number(value) for value in row] for row in self.correlations]
            correlation = {"names": list(self.correlated), "matrix": matrix}
        payload: dict[str, Any] = {
            "rows": _count(self.rows),
            "hospitals": self.hospitals,
            "columns": [self._column_dict(index, column) for index, column in enumerate(self.schema.columns)],
            "correlation": correlation,
        }
        return {**payload, "noise": self.noise} if self.noise else payload

    def _column_dict(self, index: int, column: Column) -> dict[str, Any]:
        histogram, counts = self.histograms.get(column.name), self.categories.get(column.name)
        return {
            "name": column.name,
            "kind": column.kind,
            "unit": column.unit,
            "missing": None if np.isnan(self.missing[index]) else _count(self.missing[index]),
            "mean": _number(self.mean[index]),
            "sd": _number(self.sd[index]),
            "minimum": _number(self.minimum[index]),
            "maximum": _number(self.maximum[index]),
            "histogram": histogram
            and {"edges": histogram.edges.tolist(), "counts": [_count(n) for n in histogram.counts]},
            "categories": None
            if counts is None
            else {label: _count(n) for label, n in zip(_labels(column), counts, strict=True)},
        }


def _labels(column: Column) -> list[str]:
    """The codebook's labels; the code is added where two codes share a label."""
    labels = list(column.codebook.values())
    shared = {label for label in labels if labels.count(label) > 1}
    return [f"{label} ({code})" if label in shared else label for code, label in column.codebook.items()]


def _mean_and_variance(first: np.ndarray, second: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population variance from sums of z and z**2; NaN without a value.

    A variance that is no larger than the rounding of its own sums is 0: nothing may be divided by it.
    """
    count = np.where(count > 0, count, np.nan)
    mean, square = first / count, second / count
    variance = square - mean**2
    rounding = np.finfo(np.float64).eps * (10 + np.sqrt(count)) * square
    return mean, np.where(variance <= rounding, 0.0 * count, variance)


def _correlations(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    count = np.where(sums["pairs"] >= 2, sums["pairs"], np.nan)
    mean, variance = _mean_and_variance(sums["first_with"], sums["second_with"], count)
    covariance = sums["products"] / count - mean * mean.T
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.sqrt(variance * variance.T)
    correlation[~np.isfinite(correlation)] = np.nan
    correlation = np.clip((correlation + correlation.T) / 2, -1.0, 1.0)
    diagonal = np.diag(correlation)
    np.fill_diagonal(correlation, np.where(np.isnan(diagonal), np.nan, 1.0))
    return correlation


def _spread(values: np.ndarray | None, positions: np.ndarray, width: int) -> np.ndarray:
    """Values of the numeric columns in the schema's order, NaN elsewhere and for what is not finite."""
    spread = np.full(width, np.nan)
    if values is not None:
        spread[positions] = np.where(np.isfinite(values), values, np.nan)
    return spread


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _count(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)
