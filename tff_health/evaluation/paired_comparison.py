"""One arm against others over the same cells of a study: differences, effect sizes, tests corrected for their number.

Cells that split the same patients anew overlap, so that their differences are no independent observations. Where that
is so the variance of the mean is Nadeau and Bengio's (Inference for the Generalization Error, Machine Learning 52,
2003): (1 / n + test / train) s^2 instead of s^2 / n. Without overlap it is Student's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from tff_health.evaluation.t_interval import CONFIDENCE

Values = Sequence[float | None]
_SAME = 1e-12  # differences that are no further apart are one and the same


@dataclass(frozen=True)
class PairedComparison:
    """First arm minus second over their common cells.

    Attributes:
        value: mean difference.
        low: lower end of the 95 % interval; None with fewer than two pairs, or where all pairs differ by the same, not
            by 0.
        high: upper end; likewise.
        pairs: cells in which both have a value.
        effect: Cohen's d of paired differences: their mean over their standard deviation; None where that is 0.
        p_value: two-sided t test of no difference; None where there is no interval.
        p_corrected: the same corrected for all comparisons that were made with it (Holm 1979).
    """

    value: float
    low: float | None
    high: float | None
    pairs: int
    effect: float | None
    p_value: float | None
    p_corrected: float | None = None

    @property
    def shown(self) -> bool:
        """Whether a difference is shown at 5 % over all comparisons made."""
        return self.p_corrected is not None and self.p_corrected < 1 - CONFIDENCE


def compare_pairs(first: Values, second: Values, *, overlap: float = 0.0) -> PairedComparison | None:
    """Compares two arms cell by cell.

    Args:
        first: a value for each cell, None where there is none.
        second: likewise, in the same order.
        overlap: held-out over training patients where cells split the same patients anew; 0 for other patients in
            every cell.

    Returns:
        None where no cell has both values.

    Raises:
        ValueError: as many values as cells are needed, and no negative overlap.
    """
    if len(first) != len(second) or overlap < 0:
        raise ValueError(f"{len(first)} and {len(second)} values cannot be paired with an overlap of {overlap}")
    differences = np.array([a - b for a, b in zip(first, second, strict=True) if a is not None and b is not None])
    count = len(differences)
    if not count:
        return None
    mean = math.fsum(differences) / count
    if count == 1:
        return PairedComparison(mean, None, None, 1, None, None)
    spread = float(differences.std(ddof=1))
    error = spread * math.sqrt(1 / count + overlap)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    if np.ptp(differences) <= _SAME:  # what is left is rounding
        if abs(mean) <= _SAME:
            return PairedComparison(0.0, 0.0, 0.0, count, None, 1.0)
        # A few cells that gain the same one patient do not show that all would: t has nothing to go by.
        return PairedComparison(mean, None, None, count, None, None)
    p_value = float(2 * stats.t.sf(abs(mean) / error, count - 1))
    return PairedComparison(mean, mean - half, mean + half, count, mean / spread, p_value)


def compare_with(
    reference: Values, others: Mapping[str, Values], *, overlap: float = 0.0
) -> dict[str, PairedComparison]:
    """Compares every other arm with one, and corrects for how many they are.

    Args:
        reference: a value for each cell.
        others: likewise, by arm.
        overlap: as in `compare_pairs`.

    Returns:
        Other arm minus reference, by arm; those without a common cell are left out.
    """
    found = {name: compare_pairs(values, reference, overlap=overlap) for name, values in others.items()}
    kept = {name: one for name, one in found.items() if one is not None}
    corrected = holm({name: one.p_value for name, one in kept.items() if one.p_value is not None})
    return {name: replace(one, p_corrected=corrected.get(name)) for name, one in kept.items()}


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P values corrected for their number: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979."""
    corrected: dict[str, float] = {}
    least = 0.0
    for rank, (name, value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, (len(p_values) - rank) * value))
        corrected[name] = least
    return {name: corrected[name] for name in p_values}
