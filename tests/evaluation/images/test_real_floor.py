"""The floor: halves of the real images, and as many images on every side."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from tff_health.evaluation.images.frechet import frechet_distance
from tff_health.evaluation.images.kernel_distance import kernel_distance
from tff_health.evaluation.images.real_floor import against_floor


def test_every_comparison_has_as_many_images_and_halves_share_none() -> None:
    real, synthetic = np.arange(20.0).reshape(-1, 1), np.arange(100.0, 107).reshape(-1, 1)
    calls = []

    def recorded(first: np.ndarray, second: np.ndarray) -> float:
        calls.append((first.ravel().tolist(), second.ravel().tolist()))
        return float(second.mean() - first.mean())

    found = against_floor(recorded, real, synthetic, rng=np.random.default_rng(0), splits=6)
    assert (found.n, found.splits, len(calls)) == (7, 6, 12)
    for (half, other), (same, made) in zip(calls[::2], calls[1::2], strict=True):
        assert half == same
        assert len(set(half) | set(other)) == 14
        assert len(set(made)) == 7
        assert min(made) >= 100
    floors = [np.mean(other) - np.mean(half) for half, other in calls[::2]]
    values = [np.mean(made) - np.mean(half) for half, made in calls[1::2]]
    assert (found.floor, found.value) == pytest.approx((np.mean(floors), np.mean(values)))
    assert (found.floor_sd, found.value_sd) == pytest.approx((np.std(floors, ddof=1), np.std(values, ddof=1)))
    assert found.excess == pytest.approx(np.mean(values) - np.mean(floors))
    small = against_floor(recorded, real, synthetic, rng=np.random.default_rng(0), most=3)
    assert small.n == 3


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_strangers_are_at_the_floor_and_noise_is_above(distance) -> None:
    rng = np.random.default_rng(0)
    real, fresh = rng.normal(size=(600, 10)), rng.normal(size=(300, 10))
    noise = rng.normal(size=fresh.shape)
    same, near, far = (
        against_floor(distance, real, fresh + scale * noise, rng=np.random.default_rng(1)) for scale in (0, 0.5, 1)
    )
    assert abs(same.excess) < 4 * (same.floor_sd + same.value_sd)
    assert same.excess < near.excess < far.excess
    assert far.value > 3 * far.floor
    assert same == against_floor(distance, real, fresh, rng=np.random.default_rng(1))


def test_what_cannot_be_compared() -> None:
    points = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(DataError, match="3 real images: two halves of two take four"):
        against_floor(frechet_distance, points[:3], points, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="splits and most"):
        against_floor(frechet_distance, points, points, rng=np.random.default_rng(0), splits=1)
