"""Means over cells of a study, or over other repetitions, with Student-t intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over cells with its 95 % interval.

    Attributes:
        value: None where no cell has a value.
        low: None with fewer than two values.
        high: likewise.
        count: values behind it.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval leaves zero out; False without an interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def t_interval(values: Iterable[float | None]) -> Mean:
    """The mean of the values that are there, with Student's t interval: mean +- t(.975, n - 1) s / sqrt(n)."""
    present = [float(value) for value in values if value is not None]
    if not present:
        return Mean(None, None, None, 0)
    count = len(present)
    mean = math.fsum(present) / count
    if count == 1:
        return Mean(mean, None, None, 1)
    variance = math.fsum((value - mean) ** 2 for value in present) / (count - 1)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * math.sqrt(variance / count)
    return Mean(mean, mean - half, mean + half, count)


def paired(first: Iterable[float | None], second: Iterable[float | None]) -> Mean:
    """First minus second over the cells where both are there."""
    both = zip(first, second, strict=True)
    return t_interval(None if a is None or b is None else a - b for a, b in both)
