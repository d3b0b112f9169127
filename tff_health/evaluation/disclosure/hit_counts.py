"""Shares of events that each befall one real row, where some rows draw more of them than others."""

from __future__ import annotations

import numpy as np

from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate, wilson_interval


def effective_trials(seen: np.ndarray, others: np.ndarray, trials: int) -> float:
    """Independent trials that would leave the share that befalls `seen` as uncertain as it is.

    Every trial befalls one row of `seen`, one of `others`, or none. Rows are taken as drawn independently, so a row
    that draws many trials makes the share less certain (delta method). Never more than there are trials.

    Args:
        seen: trials that befell each row, [rows], one row or more.
        others: the same for the remaining rows; empty where the other trials befell nobody.
        trials: 1 or more.
    """
    share = float(seen.sum()) / trials
    variance = 0.0
    for counts, factor in ((seen, 1 - share if len(others) else 1.0), (others, share)):
        if len(counts) > 1:
            variance += factor**2 * len(counts) * float(counts.var(ddof=1)) / trials**2
    # Without a hit, or without a miss, rows show no variance that could be gone by: each row counts once at most.
    if variance <= 0 or not 0 < share < 1:
        return float(min(trials, len(seen) + len(others)))
    return min(share * (1 - share) / variance, float(trials))


def scaled_share(counts: np.ndarray, trials: int, rows: int, level: float = LEVEL) -> Estimate:
    """Share of trials that would befall `rows` rows like these, with its interval; at most 1.

    Args:
        counts: trials that befell each row, [rows], one row or more.
        trials: in all.
        rows: how many rows the share is wanted for.
        level: coverage of the interval.
    """
    share = float(counts.sum()) / trials
    low, high = wilson_interval(share, effective_trials(counts, counts[:0], trials), level)
    factor = rows / len(counts)
    return Estimate(min(1.0, share * factor), min(1.0, low * factor), min(1.0, high * factor))
