"""Every column as a few positions: categories as they are, numbers in bins, missing cells in one of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.schema import Column, Schema

BINS = 10


@dataclass(frozen=True, eq=False)
class ColumnBins:
    """How one column's values are told apart.

    Attributes:
        column: of the schema.
        edges: of a numeric column, [bins + 1], ascending; the outermost bins also hold what lies beyond. None for a
            coded column.
    """

    column: Column
    edges: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Positions, the one for missing cells last."""
        return (len(self.column.codes) if self.edges is None else len(self.edges) - 1) + 1

    def positions(self, values: np.ndarray) -> np.ndarray:
        """int64 [rows] in [0, size), of values as `Schema.encode` gives them."""
        missing = np.isnan(values)
        if self.edges is None:
            found = np.where(missing, 0, values).astype(np.int64)
        else:
            found = np.searchsorted(self.edges[1:-1], np.where(missing, 0, values), side="right")
        return np.where(missing, self.size - 1, found)

    def shares(self, values: np.ndarray) -> np.ndarray:
        """float64 [size]: each position's share of the rows."""
        return np.bincount(self.positions(values), minlength=self.size) / len(values)


def column_bins(real: np.ndarray, schema: Schema, bins: int = BINS) -> tuple[ColumnBins, ...]:
    """Bins for every column of the schema, laid out on real rows.

    Numbers get `bins` bins of equal width between the smallest and the largest real value; an integer column that
    spans fewer values gets one bin a value. The edges reveal real extremes: they belong in internal reports only.

    Args:
        real: rows as `Schema.encode` gives them, float64 [rows, columns].
        schema: of the rows.
        bins: of a numeric column, at least 1.
    """
    return tuple(_bins(column, real[:, index], bins) for index, column in enumerate(schema.columns))


def positions(rows: np.ndarray, columns: Sequence[ColumnBins]) -> np.ndarray:
    """int64 [rows, columns]: `ColumnBins.positions` of every column."""
    return np.column_stack([bins.positions(rows[:, index]) for index, bins in enumerate(columns)])


def _bins(column: Column, values: np.ndarray, bins: int) -> ColumnBins:
    if not column.is_numeric:
        return ColumnBins(column)
    assert column.bounds is not None
    present = values[~np.isnan(values)]
    low, high = (present.min(), present.max()) if len(present) else column.bounds
    if column.kind == "integer" and high - low < bins:
        return ColumnBins(column, np.arange(low, high + 2) - 0.5)
    if low == high:
        return ColumnBins(column, np.array([low - 0.5, high + 0.5]))
    return ColumnBins(column, np.linspace(low, high, bins + 1))
