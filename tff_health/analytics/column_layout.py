"""Where each column of a table stands among the summed vectors, and the histogram's bins. Public knowledge only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from data.schema import Column, Schema
from tff_health.analytics.histogram import Histogram

Part = Literal["moments", "histograms", "categories"]
"""What can be computed, or left out, besides the numbers of rows and of observed cells."""
PARTS: tuple[Part, ...] = ("moments", "histograms", "categories")


def histogram_edges(column: Column, bins: int) -> np.ndarray:
    """Edges of equal-width bins over a numeric column's public bounds.

    A bin holds low edge <= value < high edge, the last one its high edge too, as in `numpy.histogram`. Bins of an
    integer column are a whole number of units wide and have their edges at halves, so that no bin covers more
    integers than another; with unit width every integer has its own bin. The last one may then reach past the bounds.

    Args:
        column: a numeric column.
        bins: the most bins wanted, 1 or more.

    Returns:
        float64 [bins used + 1], ascending.
    """
    assert column.bounds is not None
    low, high = column.bounds
    if column.kind == "continuous":
        return np.linspace(low, high, bins + 1)
    first, last = math.floor(low), math.ceil(high)
    values = last - first + 1
    width = math.ceil(values / bins)
    return first - 0.5 + width * np.arange(math.ceil(values / width) + 1, dtype=np.float64)


@dataclass(frozen=True)
class ColumnLayout:
    """The order of every vector that hospitals sum.

    Attributes:
        schema: the table's columns.
        bins: the most histogram bins per numeric column.
    """

    schema: Schema
    bins: int

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"bins must be 1 or more, not {self.bins}")

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """Positions of the columns that hold numbers."""
        return tuple(i for i, column in enumerate(self.schema.columns) if column.is_numeric)

    @cached_property
    def coded(self) -> tuple[int, ...]:
        """Positions of the columns that hold codes."""
        return tuple(i for i, column in enumerate(self.schema.columns) if not column.is_numeric)

    @cached_property
    def correlated(self) -> tuple[int, ...]:
        """Positions of the columns with an order, numeric and binary: nominal categories have no correlation."""
        return tuple(i for i, column in enumerate(self.schema.columns) if column.kind != "categorical")

    @cached_property
    def edges(self) -> tuple[np.ndarray, ...]:
        """Histogram edges of each numeric column."""
        return tuple(histogram_edges(self.schema.columns[i], self.bins) for i in self.numeric)

    @cached_property
    def padded_edges(self) -> np.ndarray:
        """The same as one float64 array [numeric, longest], filled up with infinity."""
        longest = max((len(edges) for edges in self.edges), default=2)
        padded = np.full((len(self.edges), longest), np.inf)
        for row, edges in zip(padded, self.edges, strict=True):
            row[: len(edges)] = edges
        return padded

    @cached_property
    def bin_counts(self) -> np.ndarray:
        """int32 [numeric]: bins of each numeric column."""
        return np.array([len(edges) - 1 for edges in self.edges], np.int32)

    @cached_property
    def code_counts(self) -> np.ndarray:
        """int32 [coded]: codes of each coded column."""
        return np.array([len(self.schema.columns[i].codes) for i in self.coded], np.int32)

    def bounds(self, positions: tuple[int, ...]) -> np.ndarray:
        """float64 [positions, 2]: public bounds; a coded column's are its first and last position."""
        columns = [self.schema.columns[i] for i in positions]
        return np.array([c.bounds or (0.0, len(c.codes) - 1.0) for c in columns]).reshape(-1, 2)

    def histograms(self, counts: np.ndarray) -> dict[str, Histogram]:
        """The summed bins of all numeric columns, column after column, as one histogram each."""
        parts = np.split(counts, np.cumsum(self.bin_counts)[:-1])
        found = {}
        for i, edges, column_counts in zip(self.numeric, self.edges, parts, strict=False):
            column = self.schema.columns[i]
            found[column.name] = Histogram(edges, column_counts, has_unit_bins(column, edges))
        return found

    def category_counts(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """The summed codes of all coded columns, column after column, as one array each."""
        parts = np.split(counts, np.cumsum(self.code_counts)[:-1])
        return {self.schema.columns[i].name: column for i, column in zip(self.coded, parts, strict=False)}


def has_unit_bins(column: Column, edges: np.ndarray) -> bool:
    """Whether each bin holds one integer."""
    return column.kind == "integer" and bool(edges[1] - edges[0] == 1)
