"""Runs an aggregator on plain arrays, without a learning process around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
import tensorflow_federated as tff

# Probability of each statistical check to fail by chance; all of this folder's together stay below 1e-6.
FLAKE = 1e-9


class Round(NamedTuple):
    result: Any
    state: Any
    measurements: Any


def rounds(factory: Any, updates: list[np.ndarray], number: int) -> Iterator[Round]:
    """The same updates, float32 vectors of one length, in each of `number` rounds."""
    process = factory.create(tff.TensorType(np.float32, [len(updates[0])]))
    state = process.initialize()
    for _ in range(number):
        output = process.next(state, [update.astype(np.float32) for update in updates])
        state = output.state
        yield Round(np.asarray(output.result), state, output.measurements)


def check_noise(noise: np.ndarray, stddev: float) -> None:
    """Chi-square bounds on the variance, and no correlation between neighbours or with the mean."""
    n = noise.size
    statistic = float(np.sum(np.square(noise, dtype=np.float64))) / stddev**2
    low, high = scipy.stats.chi2.ppf([FLAKE, 1 - FLAKE], n)
    assert low < statistic < high, f"stddev {np.sqrt(statistic / n) * stddev:g} instead of {stddev:g}"
    limit = scipy.stats.norm.isf(FLAKE) * stddev / np.sqrt(n)
    assert abs(noise.mean()) < limit
    assert abs(np.mean(noise[1:] * noise[:-1])) < limit * stddev * 1.01


def check_independent(a: np.ndarray, b: np.ndarray) -> None:
    """The product of two independent samples of n standard normals has mean 0 and standard deviation 1/sqrt(n)."""
    correlation = np.mean((a / a.std()) * (b / b.std()))
    assert abs(correlation) < scipy.stats.norm.isf(FLAKE) / np.sqrt(a.size)
