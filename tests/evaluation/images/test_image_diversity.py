"""Diversity within a class: collapse is seen, strangers are alike."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from tff_health.evaluation.images.diversity import class_diversity, pair_similarities
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.evaluation.images.similarity import ms_ssim


def test_every_image_is_in_one_pair() -> None:
    images = np.linspace(-1, 1, 11).reshape(-1, 1, 1, 1) * np.ones((1, 4, 4, 1))
    seen = []

    def recorded(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        seen.extend([*first[:, 0, 0, 0], *second[:, 0, 0, 0]])
        return np.zeros(len(first))

    assert len(pair_similarities(images, rng=np.random.default_rng(0), similarity=recorded)) == 5
    assert len(set(seen)) == len(seen) == 10


def test_a_collapsed_class_is_more_alike_and_only_that(draw) -> None:
    real, synthetic = draw(300, 0), draw(300, 1)
    images = synthetic.images.copy()
    sick = np.flatnonzero(synthetic.labels == 1)
    images[sick] = images[np.random.default_rng(0).choice(sick[:3], len(sick))]
    collapsed = ImageSet(images, synthetic.labels)
    found = class_diversity(real, collapsed, rng=np.random.default_rng(0), resamples=200)
    assert found[0].difference.low < 0 < found[0].difference.high
    assert found[1].difference.low > 0.1
    assert found[1].synthetic.low > found[1].real.high
    assert found[1].difference.value == pytest.approx(found[1].synthetic.value - found[1].real.value)
    assert found == class_diversity(real, collapsed, rng=np.random.default_rng(0), resamples=200)
    scaled = class_diversity(real, collapsed, rng=np.random.default_rng(0), similarity=ms_ssim, resamples=200)
    assert scaled[1].difference.low > 0.1


def test_the_mean_is_that_of_all_pairs(draw) -> None:
    images = draw(60, 0).images
    every = [pair_similarities(images, rng=np.random.default_rng(seed)).mean() for seed in range(40)]
    first, second = np.triu_indices(60, 1)
    from tff_health.evaluation.images.similarity import ssim

    assert np.mean(every) == pytest.approx(ssim(images[first], images[second]).mean(), abs=4 * np.std(every) / 40**0.5)


def test_a_class_without_pairs_is_named(draw) -> None:
    real = draw(20, 0)
    healthy = ImageSet(real.images, np.zeros(20), "synthetic images")
    with pytest.raises(DataError, match="0 synthetic images with label 1: a pair takes two"):
        class_diversity(real, healthy, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="there are 1"):
        pair_similarities(real.images[:1], rng=np.random.default_rng(0))
