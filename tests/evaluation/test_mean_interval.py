"""Intervals of means, against the normal approximation."""

from __future__ import annotations

import numpy as np
import pytest

from tff_health.evaluation.mean_interval import difference_of_means, mean_interval


def test_the_width_is_that_of_the_standard_error() -> None:
    terms = np.random.default_rng(0).normal(3, 2, 400)
    interval = mean_interval(terms, rng=np.random.default_rng(1), resamples=4000)
    half = 1.96 * terms.std() / 20
    assert interval.value == pytest.approx(terms.mean())
    assert (interval.low, interval.high) == pytest.approx((terms.mean() - half, terms.mean() + half), abs=0.02)
    assert (interval.n, interval.resamples, interval.usable) == (400, 4000, 4000)


def test_a_difference_is_as_uncertain_as_both() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 1, 300), rng.normal(0.5, 2, 200)
    interval = difference_of_means(first, second, rng=np.random.default_rng(1), resamples=4000)
    half = 1.96 * np.sqrt(first.var() / 300 + second.var() / 200)
    value = first.mean() - second.mean()
    assert (interval.value, interval.n) == (pytest.approx(value), 200)
    assert (interval.low, interval.high) == pytest.approx((value - half, value + half), abs=0.02)


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="resamples"):
        mean_interval(np.ones(3), rng=np.random.default_rng(0), resamples=0)
    with pytest.raises(ValueError, match="level"):
        difference_of_means(np.ones(3), np.ones(3), rng=np.random.default_rng(0), level=1)
