"""Mode collapse: what of the real rows' variety a generator leaves out.

A table is described once (`CollapseReference`), then any number of synthetic tables is held against it: a final one, or
one after every round of training for a curve (a millisecond each at some hundred rows).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.schema import Schema
from tff_health.evaluation.synthesis.binning import ColumnBins, column_bins, positions
from tff_health.evaluation.synthesis.tables import SynthesisTables, at_most

MODE_SHARE = 0.02  # a bin is a mode of the real rows where it holds this share of them; less is chance at 250 rows
_DRAW = 5
COVERED_SHARE = 0.1  # and is covered where synthetic rows reach this part of the real share

CURVE = ("categories_covered", "modes_covered", "entropy_ratio", "duplicates")
"""The measures worth a curve over rounds."""


@dataclass(frozen=True, eq=False)
class CollapseReference:
    """The real rows' variety, column by column.

    Attributes:
        bins: of every column, laid out on the real rows.
        shares: by column, float64 [positions]: each position's share of the real rows.
    """

    bins: tuple[ColumnBins, ...]
    shares: tuple[np.ndarray, ...]

    @classmethod
    def fit(cls, real: np.ndarray, schema: Schema) -> CollapseReference:
        """Describes real rows.

        Args:
            real: float64 [rows, columns] as `Schema.encode` gives them.
            schema: of the rows.
        """
        bins = column_bins(real, schema)
        return cls(bins, tuple(column.shares(real[:, index]) for index, column in enumerate(bins)))

    def measure(self, synthetic: np.ndarray) -> dict[str, float]:
        """Holds synthetic rows against the real ones.

        Args:
            synthetic: float64 [rows, columns] as `Schema.encode` gives them, one row or more.

        Returns:
            All in [0, 1]; NaN where no column has what is measured. A missing cell counts as a category.

            - `categories_covered`: share of the coded columns' real categories that appear at all.
            - `modes_covered`: share of the numeric columns' modes, bins with 2 % of the real rows or more, that hold
              at least a tenth of their real share.
            - `rarest_category`: the rarest real category's share, synthetic over real and at most 1, mean over coded
              columns.
            - `entropy_ratio`: a column's entropy, synthetic over real and at most 1, mean over columns that vary.
            - `lowest_entropy_ratio`: the same of the column that has lost most.
            - `duplicates`: share of rows equal to an earlier one. Less is better; real rows have few.
            - `binned_duplicates`: the same once numbers are replaced by their bins, so that rows count that differ by
              a hair. Real rows have some, the more rows the more: compare with theirs.
        """
        found = positions(synthetic, self.bins)
        ours = [
            np.bincount(found[:, index], minlength=column.size) / len(found) for index, column in enumerate(self.bins)
        ]
        categories, modes, rarest, entropies = [], [], [], []
        for column, real, made in zip(self.bins, self.shares, ours, strict=True):
            if column.column.is_numeric:
                is_mode = real >= MODE_SHARE
                modes.append(made[is_mode] >= COVERED_SHARE * real[is_mode])
            else:
                present = np.flatnonzero(real)
                categories.append(made[present] > 0)
                least = present[np.argmin(real[present])]
                rarest.append(min(1.0, made[least] / real[least]))
            if _entropy(real) > 0:
                entropies.append(min(1.0, _entropy(made) / _entropy(real)))
        return {
            "categories_covered": float(np.concatenate(categories).mean()) if categories else float("nan"),
            "modes_covered": float(np.concatenate(modes).mean()) if modes else float("nan"),
            "rarest_category": float(np.mean(rarest)) if rarest else float("nan"),
            "entropy_ratio": float(np.mean(entropies)) if entropies else float("nan"),
            "lowest_entropy_ratio": min(entropies) if entropies else float("nan"),
            "duplicates": float(repeats(synthetic).mean()),
            "binned_duplicates": float(repeats(found).mean()),
        }

    def curve_point(self, synthetic: np.ndarray) -> dict[str, float]:
        """The measures of `CURVE`, for a curve over rounds; arguments and meaning as in `measure`."""
        measured = self.measure(synthetic)
        return {name: measured[name] for name in CURVE}


def repeats(rows: np.ndarray) -> np.ndarray:
    """bool [rows]: whether a row equals an earlier one, missing cells being equal to each other."""
    filled = np.where(np.isnan(rows), np.inf, rows)
    first = np.unique(filled, axis=0, return_index=True)[1]
    return ~np.isin(np.arange(len(rows)), first)


def collapse_metrics(tables: SynthesisTables) -> dict[str, float]:
    """Synthetic against real training rows: `CollapseReference.measure`, and the real rows' own share of repeats.

    Where there are more synthetic rows than real ones, as many are drawn: rare categories and repeats turn up in a
    larger table more often whatever made it.

    Returns:
        What `measure` gives, then `real_duplicates` and `real_binned_duplicates`.
    """
    reference = CollapseReference.fit(tables.train_rows, tables.schema)
    own = reference.measure(tables.train_rows)
    return {
        **reference.measure(comparable_rows(tables)),
        "real_duplicates": own["duplicates"],
        "real_binned_duplicates": own["binned_duplicates"],
    }


def comparable_rows(tables: SynthesisTables) -> np.ndarray:
    """Synthetic rows as `Schema.encode` gives them, no more than there are real training rows."""
    return at_most(tables.synthetic_rows, len(tables.train), tables.rng(_DRAW))


def _entropy(shares: np.ndarray) -> float:
    """In nats."""
    positive = shares[shares > 0]
    return abs(float((positive * np.log(positive)).sum()))
