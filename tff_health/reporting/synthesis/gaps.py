"""Differences between arms over the same splits, with Student's t intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tff_health.evaluation.paired_comparison import compare_pairs
from tff_health.reporting.comparison import split_overlap
from tff_health.reporting.formatting import signed
from tff_health.reporting.results import DatasetResult, Metric

Outcome = Literal["better", "worse", "unclear", "unknown"]


@dataclass(frozen=True)
class Gap:
    """First minus second.

    Attributes:
        value: mean difference.
        low: lower end of the paired 95 % interval; None where splits cannot be paired.
        high: upper end.
        splits: pairs behind the interval.
        paired_by: what is paired: splits, or seeds.
    """

    value: float
    low: float | None = None
    high: float | None = None
    splits: int = 0
    paired_by: str = "split"

    @property
    def outcome(self) -> Outcome:
        """Whether the interval excludes zero, and on which side; `unknown` without an interval."""
        if self.low is None or self.high is None:
            return "unknown"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"

    @property
    def words(self) -> str:
        """`-0.010 (-0.030 to +0.008)`."""
        if self.low is None or self.high is None:
            shared = f"1 shared {self.paired_by}, " if self.splits == 1 else ""
            return f"{signed(self.value)} ({shared}no paired interval)"
        return f"{signed(self.value)} ({signed(self.low)} to {signed(self.high)})"

    @property
    def bounds(self) -> str:
        """The interval alone, for the small line under the value; empty without one."""
        return "" if self.low is None or self.high is None else f"{signed(self.low)} to {signed(self.high)}"


def gap(first: Metric, second: Metric, paired_by: str = "split", *, overlap: float = 0.0) -> Gap | None:
    """The difference of two metrics, paired split by split; None where one of them is not defined.

    Args:
        first: a metric with a value for each split or seed.
        second: likewise.
        paired_by: what is paired.
        overlap: of the splits, as in `evaluation.paired_comparison`.
    """
    if first.value is None or second.value is None:
        return None
    if len(first.seeds) == len(second.seeds):
        mean = compare_pairs(first.seeds, second.seeds, overlap=overlap)
        if mean is not None:
            return Gap(mean.value, mean.low, mean.high, mean.pairs, paired_by)
    return Gap(first.value - second.value, paired_by=paired_by)


def split_gap(dataset: DatasetResult, first: Metric, second: Metric) -> Gap | None:
    """The difference over repeated splits of a dataset's patients, which overlap (Nadeau and Bengio 2003)."""
    return gap(first, second, overlap=split_overlap(dataset))
