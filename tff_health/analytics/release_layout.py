"""What a differentially private release of statistics consists of, and how far one patient can move it. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np

from data.schema import Schema
from tff_health.analytics.column_layout import ColumnLayout, Part
from tff_health.analytics.imputer import Imputation, strategies_by_kind
from tff_health.analytics.scaler import Scaling


@dataclass(frozen=True)
class ReleaseLayout:
    """The entries of the one vector that is summed over patients and released with noise.

    Entries, in this order:

    - moments: of each chosen numeric column, whether the cell is missing, then z, then 1 - z**2, where z in [-1, 1] is
      the value within its public bounds (`local_sums`) and the last two are 0 for a missing cell;
    - histograms: of each chosen numeric column, 1 in the value's bin;
    - categories: of each chosen coded column, 1 at the cell's code.

    **Sensitivity.** One patient is one row of one hospital and contributes one vector v; zero-out adjacency replaces it
    by zeros, so the L2 sensitivity of the sum is the largest norm of v. (The empty contribution adds nothing; a row of
    missing cells alone is a patient like any other, whose v has a 1 for each column with moments. The number of rows,
    from which counts of values are worked out after the release, is a public constant and stays.) Column by column:

    - moments: a missing cell gives (1, 0, 0), of norm 1. A value gives (0, z, 1 - z**2), of squared norm
      u + (1 - u)**2 = 1 - u (1 - u) with u = z**2 in [0, 1]: at most 1, reached at z = 0 and z = -1 or 1. Releasing
      1 - z**2 in place of z**2 thus brings the count of values and the second moment at the price of the mean alone;
      (1, z, z**2) would reach a squared norm of 3.
    - histogram: at most one bin holds a 1, squared norm at most 1. A column with moments and histogram reaches 2.
    - categories: at most one code holds a 1, squared norm at most 1.

    The blocks of different columns are separate entries, so squared norms add up, and a row of values at their bounds
    reaches all maxima at once: the sensitivity is exactly sqrt(number of blocks). Blocks have equal weight because
    with noise in proportion to the sensitivity, weights w give block b a noise of sqrt(sum w**2) / w_b, and by Cauchy
    and Schwarz the mean squared noise is least for equal weights.

    Attributes:
        layout: the table's columns and bins.
        moments: positions of the columns with moments.
        histograms: positions of the columns with a histogram.
        categories: positions of the columns with counts of codes.
    """

    layout: ColumnLayout
    moments: tuple[int, ...]
    histograms: tuple[int, ...]
    categories: tuple[int, ...]

    @classmethod
    def needed(
        cls,
        schema: Schema,
        *,
        imputation: Imputation,
        scaling: Scaling,
        scale_categories: bool,
        bins: int,
    ) -> ReleaseLayout:
        """The least that `TablePreprocessor.fit` needs for these settings. The target is never part of it.

        Args:
            schema: the table's columns.
            imputation: see `strategies_by_kind`; `middle`, `all_zero` and `first` need nothing.
            scaling: `standard` needs moments.
            scale_categories: with `standard`, needs the counts of codes.
            bins: the most bins per histogram.

        Raises:
            ValueError: a setting is unknown, or the scaling is `min-max`: extremes are values of patients.
        """
        if scaling not in get_args(Scaling):
            raise ValueError(f"scaling must be one of {', '.join(get_args(Scaling))}, not {scaling!r}")
        if scaling == "min-max":
            raise ValueError("min-max scaling uses single patients' values: with a privacy guarantee use public bounds")
        strategies = strategies_by_kind(imputation)
        standard = scaling == "standard"
        moments, histograms, categories = [], [], []
        for index, column in enumerate(schema.columns):
            if column.name == schema.target:
                continue
            strategy = strategies[column.kind]
            if column.is_numeric and (standard or strategy == "mean"):
                moments.append(index)
            if column.is_numeric and strategy in ("median", "most_frequent"):
                histograms.append(index)
            if not column.is_numeric and ((standard and scale_categories) or strategy == "most_frequent"):
                categories.append(index)
        return cls(ColumnLayout(schema, bins), tuple(moments), tuple(histograms), tuple(categories))

    @property
    def parts(self) -> frozenset[Part]:
        """The parts of `local_sums` that the entries are made of."""
        chosen: tuple[tuple[Part, tuple[int, ...]], ...] = (
            ("moments", self.moments),
            ("histograms", self.histograms),
            ("categories", self.categories),
        )
        return frozenset(part for part, columns in chosen if columns)

    @property
    def sensitivity(self) -> float:
        """L2 sensitivity of the released vector to one patient, exact; 0 for an empty release."""
        return math.sqrt(len(self.moments) + len(self.histograms) + len(self.categories))

    @cached_property
    def moment_positions(self) -> np.ndarray:
        """int32 [moments]: where the columns with moments stand among the numeric ones."""
        return np.array([self.layout.numeric.index(i) for i in self.moments], np.int32)

    @cached_property
    def bin_positions(self) -> np.ndarray:
        """int32 [bins]: where the released bins stand among all bins."""
        return _segments(self.layout.numeric, self.layout.bin_counts, self.histograms)

    @cached_property
    def code_positions(self) -> np.ndarray:
        """int32 [codes]: where the released codes stand among all codes."""
        return _segments(self.layout.coded, self.layout.code_counts, self.categories)

    @property
    def size(self) -> int:
        """Number of entries."""
        return 3 * len(self.moments) + len(self.bin_positions) + len(self.code_positions)

    def split(self, vector: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """A released vector by what its entries mean.

        Args:
            vector: float64 [size].

        Returns:
            float64 [3, moments] (missing, sum of z, sum of 1 - z**2); counts by column with a histogram; counts by
            column with codes.
        """
        ends = np.cumsum([3 * len(self.moments), len(self.bin_positions)])
        moments, bins, codes = np.split(np.asarray(vector, np.float64), ends)
        return (
            moments.reshape(3, len(self.moments)),
            self._by_column(bins, self.histograms, self.layout.numeric, self.layout.bin_counts),
            self._by_column(codes, self.categories, self.layout.coded, self.layout.code_counts),
        )

    def _by_column(
        self, entries: np.ndarray, chosen: tuple[int, ...], among: tuple[int, ...], sizes: np.ndarray
    ) -> dict[str, np.ndarray]:
        ends = np.cumsum([sizes[among.index(i)] for i in chosen])[:-1].astype(np.intp)
        names = [self.layout.schema.columns[i].name for i in chosen]
        return dict(zip(names, np.split(entries, ends), strict=False))


def _segments(among: tuple[int, ...], sizes: np.ndarray, chosen: tuple[int, ...]) -> np.ndarray:
    """Positions of the chosen columns' entries where all columns' entries stand one after the other."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    ranges = [np.arange(starts[at], starts[at + 1]) for at in (among.index(i) for i in chosen)]
    return np.concatenate(ranges).astype(np.int32) if ranges else np.zeros(0, np.int32)
