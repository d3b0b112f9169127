"""The fast Gaussian numbers are standard normal and independent."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tff_health.learning.clipping.gaussian_noise import standard_normal


def test_draws_are_standard_normal():
    # The seed is fixed, so this cannot flake; with fresh seeds each of these tests would fail once in a million.
    draws = standard_normal(tf.random.Generator.from_seed(20), 2_000_001).numpy().astype(np.float64)
    assert draws.shape == (2_000_001,)
    assert stats.kstest(draws, "norm").pvalue > 1e-6
    assert abs(draws.mean()) < 5 / np.sqrt(len(draws))
    assert abs(draws.var() - 1) < 5 * np.sqrt(2 / len(draws))
    # Tails: beyond 4 standard deviations one expects 127.
    assert 70 < (np.abs(draws) > 4).sum() < 190
    half = len(draws) // 2
    for a, b in [(draws[:-1], draws[1:]), (draws[:half], draws[half + 1 : 2 * half + 1])]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(len(a))
        # Sine and cosine of one angle are uncorrelated but must be independent too.
        assert abs(np.corrcoef(a**2, b**2)[0, 1]) < 5 / np.sqrt(len(a))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_any_number_can_be_drawn(count):
    assert standard_normal(tf.random.Generator.from_seed(1), count).shape == (count,)


def test_the_extremes_of_the_bits_are_finite():
    class Fixed:
        def __init__(self, value):
            self.value = value

        def uniform_full_int(self, shape, dtype):
            return tf.fill(shape, tf.constant(self.value, dtype))

    assert float(tf.reduce_max(tf.abs(standard_normal(Fixed(0), 2)))) == pytest.approx(6.764, abs=1e-3)
    assert np.isfinite(standard_normal(Fixed(2**32 - 1), 2).numpy()).all()


def test_draws_differ_by_call_and_generator():
    first, second = (tf.random.Generator.from_non_deterministic_state() for _ in range(2))
    draws = [standard_normal(generator, 64).numpy() for generator in (first, first, second)]
    assert not any(np.array_equal(draws[i], draws[j]) for i in range(3) for j in range(i))
