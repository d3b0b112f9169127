"""The one vector of counts that a private encoding is made of, and how far a patient can move it. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.schema import Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.released_statistics import nonnegative_counts

FEWEST_BINS, MOST_BINS = 4, 32


def bins_for(rows: int, noise: float) -> int:
    """How many bins a histogram bears: about so many that an even share of the rows is twice the noise.

    Args:
        rows: of all hospitals, a public constant.
        noise: standard deviation of the noise on a count, public too.
    """
    most = rows / (2 * noise) if noise > 0 else MOST_BINS
    return int(np.clip(most, FEWEST_BINS, MOST_BINS))


@dataclass(frozen=True)
class CellLayout:
    """The entries, column after column: bins of a numeric column or codes of a coded one, then one for missing cells.

    **Sensitivity.** A patient is one row of one hospital and puts a 1 in exactly one cell of each column, so that
    zero-out adjacency moves the counts by an L2 norm of at most sqrt(columns). A missing target, which no checked
    table has, is counted nowhere.

    Attributes:
        layout: the table's columns and bins.
    """

    layout: ColumnLayout

    @property
    def schema(self) -> Schema:
        """The table's columns."""
        return self.layout.schema

    @cached_property
    def sizes(self) -> np.ndarray:
        """int32 [columns]: cells of each column, without the one for missing."""
        sizes = np.zeros(len(self.schema.columns), np.int32)
        sizes[list(self.layout.numeric)] = self.layout.bin_counts
        sizes[list(self.layout.coded)] = self.layout.code_counts
        return sizes

    @cached_property
    def offsets(self) -> np.ndarray:
        """int32 [columns]: where each column's cells begin."""
        return np.concatenate([[0], np.cumsum(self.sizes + 1)[:-1]]).astype(np.int32)

    @property
    def size(self) -> int:
        """Entries of the vector."""
        return int((self.sizes + 1).sum())

    @property
    def sensitivity(self) -> float:
        """L2 norm of one patient's vector at most."""
        return math.sqrt(len(self.schema.columns))

    def tables(self, vector: np.ndarray, rows: int, noise: float) -> dict[str, tuple[np.ndarray, float]]:
        """The counts of each column out of a noisy vector: post-processing, which costs nothing.

        Every row stands in exactly one cell of a column, and the number of rows is public: counts are moved to the
        nearest ones with that total that are not negative. Cells for missing come first: a count of twice the noise
        or less is taken for noise.

        Args:
            vector: float64 [size], finite.
            rows: of all hospitals.
            noise: standard deviation of the noise on each entry.

        Returns:
            By column, float64 [cells] and the number of missing cells; their sum is `rows`.
        """
        found = {}
        for index, column in enumerate(self.schema.columns):
            start, size = int(self.offsets[index]), int(self.sizes[index])
            counts, missing = vector[start : start + size], float(vector[start + size])
            if column.name == self.schema.target or missing <= max(2 * noise, 0.5):
                counts = _with_total(counts, rows)
                missing = 0.0
            else:
                both = _with_total(np.append(counts, missing), rows)
                counts, missing = both[:-1], float(both[-1])
            found[column.name] = (counts, missing)
        return found


def _with_total(counts: np.ndarray, total: float) -> np.ndarray:
    """The nearest counts, by Euclidean distance, of this total that are not negative."""
    return nonnegative_counts(counts + (total - counts.sum()) / len(counts), total)
