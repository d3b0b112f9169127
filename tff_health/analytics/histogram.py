"""Counts of a numeric column over public bins, and the quantiles that follow from them. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
