"""The cells that a table's values fall into: public bins of numbers, codes, and one cell for missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.schema import Column, Schema


@dataclass(frozen=True)
class CellLayout:
    """Every column's cells, from the schema and a number of bins alone: public, hence free of privacy cost.

    A numeric column has equal bins over its public bounds (one bin a value where an integer column has few), a coded
    column one cell a code. The last cell of every column means missing; the target's is never sampled.

    Attributes:
        schema: of the table.
        bins: the most bins of a numeric column.
    """

    schema: Schema
    bins: int

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"bins must be 1 or more, not {self.bins}")

    @property
    def target(self) -> int:
        """Position of the target column."""
        return self.schema.names.index(self.schema.target)

    @property
    def features(self) -> tuple[int, ...]:
        """Positions of all other columns, in the schema's order."""
        return tuple(i for i in range(len(self.schema.columns)) if i != self.target)

    @cached_property
    def edges(self) -> tuple[np.ndarray | None, ...]:
        """By column, float64 [bins + 1] edges in the column's unit; None for a coded one."""
        return tuple(_edges(column, self.bins) if column.is_numeric else None for column in self.schema.columns)

    @cached_property
    def values(self) -> tuple[int, ...]:
        """By column, the number of cells without the missing one."""
        return tuple(
            len(column.codes) if edges is None else len(edges) - 1
            for column, edges in zip(self.schema.columns, self.edges, strict=True)
        )

    def cells(self, matrix: np.ndarray) -> np.ndarray:
        """Cell of every value; numbers beyond the bounds fall into the outermost bin.

        Args:
            matrix: float64 [rows, columns] as `Schema.encode` gives it.

        Returns:
            int64 [rows, columns].
        """
        result = np.empty(matrix.shape, np.int64)
        for index, (edges, values) in enumerate(zip(self.edges, self.values, strict=True)):
            column = matrix[:, index]
            missing = np.isnan(column)
            known = np.where(missing, 0.0, column)
            cell = known.astype(np.int64) if edges is None else np.searchsorted(edges, known, side="right") - 1
            result[:, index] = np.where(missing, values, np.clip(cell, 0, values - 1))
        return result

    def matrix(self, cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Values drawn uniformly from each cell: the way back.

        Args:
            cells: int64 [rows, columns].
            rng: of the position within a bin.

        Returns:
            float64 [rows, columns] as `Schema.encode` has it: within bounds, whole where integer, NaN where missing.
        """
        result = np.empty(cells.shape, np.float64)
        for index, (column, edges, values) in enumerate(zip(self.schema.columns, self.edges, self.values, strict=True)):
            cell = cells[:, index]
            if edges is None:
                drawn = cell.astype(np.float64)
            else:
                inside = np.minimum(cell, values - 1)
                drawn = edges[inside] + (edges[inside + 1] - edges[inside]) * rng.random(len(cell))
                assert column.bounds is not None
                drawn = np.clip(np.rint(drawn) if column.kind == "integer" else drawn, *column.bounds)
            result[:, index] = np.where(cell == values, np.nan, drawn)
        return result


def _edges(column: Column, bins: int) -> np.ndarray:
    assert column.bounds is not None
    low, high = column.bounds
    if column.kind != "integer":
        return np.linspace(low, high, bins + 1)
    first, last = np.ceil(low), np.floor(high)
    # Half-way between whole numbers, so that every bin holds as many of them as its neighbours, or one more.
    return np.rint(np.linspace(first, last + 1, min(bins, int(last - first) + 1) + 1)) - 0.5
