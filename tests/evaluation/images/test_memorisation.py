"""Memorisation: copiers are caught, strangers are at one half, and figures agree with plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from data.errors import DataError
from tff_health.evaluation.images.memorisation import closest_training_images, memorisation_metrics, memorised_share
from tff_health.evaluation.images.similarity import psnr, ssim


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)


def test_the_closest_is_the_closest_and_as_alike_as_it_is(draw) -> None:
    images, train = draw(60, 0).images, draw(100, 1).images
    found = closest_training_images(images, train)
    distances = cdist(flat(images), flat(train))
    np.testing.assert_array_equal(found.index, distances.argmin(axis=1))
    np.testing.assert_allclose(found.distance, np.sort(distances, axis=1)[:, :2])
    np.testing.assert_allclose(found.psnr, psnr(images, train[found.index]))
    np.testing.assert_allclose(found.ssim, ssim(images, train[found.index]))


@pytest.mark.parametrize("held_out", [200, 60])
def test_strangers_are_at_one_half_and_copies_at_one(draw, held_out: int) -> None:
    real = draw(200 + held_out, 0).images
    train, unseen = real[:200], real[200:]
    fresh = memorised_share(train, unseen, draw(300, 1).images)
    assert fresh.low < 0.5 < fresh.high
    assert fresh.value == pytest.approx(0.5, abs=0.1)
    copies = memorised_share(train, unseen, train[:50])
    assert (copies.value, copies.high) == (1, 1)
    assert copies.low > 0.7
    half = memorised_share(train, unseen, np.concatenate([train[:100], unseen[: held_out // 2]]))
    assert half.value == pytest.approx(0.5, abs=1e-9)
    assert memorised_share(train, unseen, unseen).value == 0


def test_equals_the_plain_share_where_pools_are_equal(draw) -> None:
    train, unseen, made = draw(80, 0).images, draw(80, 1).images, draw(120, 2).images
    nearest = cdist(flat(made), np.concatenate([flat(train), flat(unseen)])).argmin(axis=1)
    assert memorised_share(train, unseen, made).value == pytest.approx((nearest < 80).mean())


def test_an_image_in_both_pools_counts_for_both(draw) -> None:
    train, unseen = draw(20, 0).images, draw(20, 1).images
    unseen[0] = train[0]
    assert memorised_share(train, unseen, train[:1]).value == pytest.approx(0.5)


def test_metrics_of_a_copier_and_of_a_stranger(draw) -> None:
    real = draw(400, 0).images
    train, unseen = real[:200], real[200:]
    noise = np.random.default_rng(0).normal(scale=0.02, size=train.shape)
    near = np.clip(train + noise, -1, 1)
    settings = {"resamples": 200}
    copier = memorisation_metrics(train, unseen, train, rng=np.random.default_rng(1), **settings)
    noisy = memorisation_metrics(train, unseen, near, rng=np.random.default_rng(1), **settings)
    stranger = memorisation_metrics(train, unseen, draw(200, 2).images, rng=np.random.default_rng(1), **settings)
    assert copier["exact_copies"].value == 1
    assert copier["psnr_median"].value == copier["psnr_median"].low == np.inf
    assert copier["ssim_median"].value == pytest.approx(1)
    assert noisy["exact_copies"].value == 0
    assert noisy["near_copies"].low > 0.9
    assert noisy["psnr_median"].low > noisy["psnr_median_holdout"].high + 5
    assert noisy["ssim_median"].low > noisy["ssim_median_holdout"].high
    for name in ("near_copies", "dcr_median", "psnr_median", "ssim_median", "nndr"):
        mine, theirs = stranger[name], stranger[f"{name}_holdout"]
        assert mine.low <= theirs.high, name
        assert theirs.low <= mine.high, name
    assert stranger["dcr_share"].low < 0.5 < stranger["dcr_share"].high
    closest = closest_training_images(unseen, train)
    assert stranger["psnr_median_holdout"].value == pytest.approx(np.median(closest.psnr), abs=0.1)
    again = memorisation_metrics(train, unseen, draw(200, 2).images, rng=np.random.default_rng(1), **settings)
    assert again == stranger


def test_more_noise_hides_more(draw) -> None:
    real = draw(300, 0).images
    noise = np.random.default_rng(0).normal(size=real[:150].shape)
    shares = [
        memorised_share(real[:150], real[150:], np.clip(real[:150] + scale * noise, -1, 1)).value
        for scale in (0.01, 0.3, 1.5)
    ]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[2] < 0.99


def test_what_cannot_be_compared(draw) -> None:
    images = draw(10, 0).images
    with pytest.raises(DataError, match="no held-out images"):
        memorised_share(images, images[:0], images)
    with pytest.raises(DataError, match="one training image"):
        closest_training_images(images, images[:1])
    with pytest.raises(DataError, match="synthetic images are 64 pixels"):
        memorised_share(images, images, draw(4, 0, size=64).images)
