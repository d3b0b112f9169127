"""The statistics of a table over all hospitals, as derived from the federated sums. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.schema import Column, Schema
from tff_health.analytics.column_layout import ColumnLayout


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts over public bins.

    Attributes:
        edges: float64 [bins + 1], ascending.
        counts: float64 [bins]; whole numbers unless the sum was noisy.
        unit_bins: whether each bin holds one integer.
    """

    edges: np.ndarray
    counts: np.ndarray
    unit_bins: bool = False

    def quantile(self, q: float) -> float:
        """The quantile with linear interpolation between order statistics, as `numpy.quantile` defines it.

        Each of the two order statistics is placed in its bin by its rank among the bin's values, so it is less than
        a bin off, and so is the result. Exact for unit bins of integers. Negative (noisy) counts are read as 0.

        Args:
            q: between 0 and 1.

        Returns:
            The quantile in the column's unit; NaN where there is no value.
        """
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"q must lie between 0 and 1, not {q}")
        counts = np.maximum(self.counts, 0.0)
        total = counts.sum()
        if total <= 0:
            return float("nan")
        rank = q * max(total - 1, 0.0)
        lower = np.floor(rank)
        below, above = self._order_statistic(counts, lower), self._order_statistic(counts, lower + 1)
        return float(below + (rank - lower) * (above - below))

    def mode(self) -> float:
        """The centre of the fullest bin, the lowest of equals; NaN where there is no value."""
        if not (self.counts > 0).any():
            return float("nan")
        fullest = int(np.argmax(self.counts))
        return float((self.edges[fullest] + self.edges[fullest + 1]) / 2)

    def _order_statistic(self, counts: np.ndarray, rank: float) -> float:
        ends = np.cumsum(counts)
        rank = min(rank, max(ends[-1] - 1, 0.0))
        index = int(np.searchsorted(ends, rank, side="right"))
        index = min(index, int(np.flatnonzero(counts)[-1]))
        if self.unit_bins:
            share = 0.5
        else:
            before = ends[index] - counts[index]
            share = min((rank - before + 0.5) / counts[index], 1.0)
        return float(self.edges[index] + share * (self.edges[index + 1] - self.edges[index]))


@dataclass(frozen=True, eq=False)
class TableStatistics:
    """Statistics over all hospitals' rows. Arrays follow the schema's columns.

    Counts are whole numbers unless the sum was noisy.

    Attributes:
        schema: the columns.
        hospitals: how many took part.
        rows: number of rows.
        observed: float64 [columns], cells that are not missing.
        mean: float64 [columns] in the column's unit; NaN for coded columns and columns without a value.
        variance: float64 [columns], population (divided by n); NaN as above, 0 for a constant column.
        minimum: float64 [columns]; NaN as above, and everywhere if extremes were switched off.
        maximum: the same.
        histograms: by numeric column.
        categories: by coded column, float64 [codes] in the codebook's order.
        correlated: names of the numeric and binary columns.
        correlations: float64 [correlated, correlated], or None if switched off.
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
            sums: arrays as `local_sums` documents them.
            hospitals: how many were summed.
            minimum: float64 [numeric], above the maximum for a column without a value; None if switched off.
            maximum: float64 [numeric]; None if switched off.
        """
        schema, numeric = layout.schema, np.array(layout.numeric, np.intp)
        width = len(schema.columns)
        sums = {name: np.asarray(total, np.float64) for name, total in sums.items()}
        observed = np.maximum(sums["observed"], 0.0)
        low, high = layout.bounds(layout.numeric).T
        first, second = _mean_and_variance(sums["first"], sums["second"], observed[numeric])
        half = (high - low) / 2
        names = [schema.columns[i].name for i in layout.numeric]
        bins = np.split(sums["histogram"], np.cumsum(layout.bin_counts)[:-1])
        codes = np.split(sums["categories"], np.cumsum(layout.code_counts)[:-1])
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
            histograms={
                name: Histogram(edges, counts, _has_unit_bins(schema[name], edges))
                for name, edges, counts in zip(names, layout.edges, bins, strict=False)
            },
            categories={schema.columns[i].name: counts for i, counts in zip(layout.coded, codes, strict=False)},
            correlated=tuple(schema.columns[i].name for i in layout.correlated),
            correlations=_correlations(sums) if "pairs" in sums else None,
        )

    @property
    def missing(self) -> np.ndarray:
        """float64 [columns]: missing cells."""
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

    def quantile(self, column: str, q: float) -> float:
        """A numeric column's quantile to one histogram bin (`Histogram.quantile`), kept within the extremes."""
        index = self.position(column)
        value = self.histograms[column].quantile(q)
        low, high = self.minimum[index], self.maximum[index]
        return value if np.isnan(low) else float(np.clip(value, low, high))

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
        """The JSON form, for results and the report: undefined numbers are None, whole counts integers."""
        correlation = None
        if self.correlations is not None:
            matrix = [[_number(value) for value in row] for row in self.correlations]
            correlation = {"names": list(self.correlated), "matrix": matrix}
        return {
            "rows": _count(self.rows),
            "hospitals": self.hospitals,
            "columns": [self._column_dict(index, column) for index, column in enumerate(self.schema.columns)],
            "correlation": correlation,
        }

    def _column_dict(self, index: int, column: Column) -> dict[str, Any]:
        histogram, counts = self.histograms.get(column.name), self.categories.get(column.name)
        return {
            "name": column.name,
            "kind": column.kind,
            "unit": column.unit,
            "missing": _count(self.missing[index]),
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


def _has_unit_bins(column: Column, edges: np.ndarray) -> bool:
    return column.kind == "integer" and edges[1] - edges[0] == 1


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
