"""The Frechet distance: closed forms, scipy's matrix root, singular covariances, and its bias."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from data.errors import DataError
from tff_health.evaluation.images.frechet import frechet_distance


def textbook(first: np.ndarray, second: np.ndarray) -> float:
    covariances = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = sqrtm(covariances[0] @ covariances[1])
    apart = ((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum()
    return float(apart + np.trace(covariances[0] + covariances[1] - 2 * np.real(root)))


def test_equals_the_matrix_root() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, 12))
    first, second = rng.normal(size=(200, 12)) @ mixing, rng.gamma(2, 1, (150, 12)) + 1
    assert frechet_distance(first, second) == pytest.approx(textbook(first, second), rel=1e-9)


def test_equals_the_closed_form_of_two_gaussians() -> None:
    rng = np.random.default_rng(1)
    means, deviations = np.array([[0, 1, 2.0], [1, 1, 0]]), np.array([[1, 2, 0.5], [2, 1, 0.5]])
    first, second = (means[k] + deviations[k] * rng.normal(size=(200_000, 3)) for k in (0, 1))
    expected = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert frechet_distance(first, second) == pytest.approx(expected, rel=0.01)
    one = rng.normal(size=(100, 1))
    assert frechet_distance(one, 3 * one + 2) == pytest.approx(
        (one.mean() - 3 * one.mean() - 2) ** 2 + (2 * one.std(ddof=1)) ** 2
    )


def test_singular_covariances_do_no_harm() -> None:
    rng = np.random.default_rng(2)
    few = rng.normal(size=(10, 64))
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(few, few + 1) == pytest.approx(64, abs=1e-6)
    dead = np.concatenate([rng.normal(size=(500, 3)), np.zeros((500, 61))], axis=1)
    other = np.concatenate([rng.normal(1, 2, size=(400, 3)), np.zeros((400, 61))], axis=1)
    assert frechet_distance(dead, other) == pytest.approx(textbook(dead[:, :3], other[:, :3]), rel=1e-9)
    assert frechet_distance(dead, other) == pytest.approx(frechet_distance(other, dead))


def test_noise_moves_it_away_and_few_images_inflate_it() -> None:
    rng = np.random.default_rng(3)
    real, other = rng.normal(size=(2, 1000, 16))
    noisy = [frechet_distance(real, other + rng.normal(scale=s, size=other.shape)) for s in (0, 0.5, 1, 2)]
    assert noisy == sorted(noisy)
    assert noisy[1] > 2 * noisy[0]
    assert frechet_distance(real[:50], other[:50]) > 3 * frechet_distance(real, other)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="features of 1 synthetic images"):
        frechet_distance(np.zeros((5, 2)), np.zeros((1, 2)))
    with pytest.raises(DataError, match="3 entries"):
        frechet_distance(np.zeros((5, 2)), np.zeros((5, 3)))
