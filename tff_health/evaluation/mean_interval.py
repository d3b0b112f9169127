"""Bootstrap intervals of means of terms, one term a row or an image, and of differences of two such means."""

from __future__ import annotations

import numpy as np

from tff_health.evaluation.bootstrap import (
    LEVEL,
    RESAMPLES,
    Interval,
    check_settings,
    patient_weights,
    percentile_interval,
)


def mean_interval(
    terms: np.ndarray, *, rng: np.random.Generator, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """The mean with its percentile bootstrap interval.

    Args:
        terms: float64 [n], n >= 1, taken as drawn independently.
        rng: source of the draws.
        resamples: drawn.
        level: coverage aimed at.

    Raises:
        ValueError: the number of resamples or the level makes no sense.
    """
    check_settings(resamples, level)
    means = _resampled_means(terms, resamples, rng)
    return percentile_interval(float(terms.mean()), means, len(terms), 1, level)


def difference_of_means(
    first: np.ndarray,
    second: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The first mean less the second; both are drawn anew, apart from each other.

    Args:
        first: float64 [n], n >= 1.
        second: float64 [m], m >= 1.
        rng: source of the draws.
        resamples: drawn.
        level: coverage aimed at.

    Returns:
        The difference's interval; `n` is the smaller number of terms.

    Raises:
        ValueError: the number of resamples or the level makes no sense.
    """
    check_settings(resamples, level)
    drawn = _resampled_means(first, resamples, rng) - _resampled_means(second, resamples, rng)
    return percentile_interval(float(first.mean() - second.mean()), drawn, min(len(first), len(second)), 1, level)


def _resampled_means(terms: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(patient_weights(len(terms), resamples, rng) @ terms / len(terms))
