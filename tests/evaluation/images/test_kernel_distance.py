"""The kernel distance: a double loop, and no bias."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from tff_health.evaluation.images.kernel_distance import kernel_distance


def by_loops(first: np.ndarray, second: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3)

    def within(points: np.ndarray) -> float:
        n = len(points)
        return sum(kernel(points[i], points[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    between = sum(kernel(x, y) for x in first for y in second) / (len(first) * len(second))
    return within(first) + within(second) - 2 * between


def test_equals_the_double_loop() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(15, 4)), rng.normal(0.5, 2, size=(11, 4))
    assert kernel_distance(first, second) == pytest.approx(by_loops(first, second), rel=1e-10)


def test_it_is_unbiased_where_the_frechet_distance_is_not() -> None:
    rng = np.random.default_rng(1)
    found = np.array([kernel_distance(*rng.normal(size=(2, 20, 8))) for _ in range(400)])
    assert abs(found.mean()) < 4 * found.std() / 20
    assert (found < 0).mean() > 0.3
    same = np.ones((5, 3))
    assert kernel_distance(same, same) == pytest.approx(0)


def test_noise_moves_it_away() -> None:
    rng = np.random.default_rng(2)
    real, other = rng.normal(size=(2, 500, 8))
    noisy = [kernel_distance(real, other + rng.normal(scale=s, size=other.shape)) for s in (0, 0.5, 1, 2)]
    assert noisy == sorted(noisy)
    with pytest.raises(DataError, match="not a finite number"):
        kernel_distance(real, np.full((4, 8), np.nan))
