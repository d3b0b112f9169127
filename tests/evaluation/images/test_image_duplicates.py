"""Duplicates: counted pair by pair, and quick on five thousand images."""

from __future__ import annotations

import time

import numpy as np
import pytest

from data.errors import DataError
from tff_health.evaluation.images.duplicates import find_duplicates
from tff_health.evaluation.images.similarity import psnr


def nudged(images: np.ndarray, scale: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(scale=scale, size=images.shape)
    return np.clip(images + noise, -1, 1).astype(np.float32)


def test_equals_pair_by_pair(draw) -> None:
    own = draw(40, 0).images
    images = np.concatenate([own, own[:3], own[:1], nudged(own[5:9], 0.01)])
    others = np.concatenate([draw(30, 1).images, own[:2], nudged(own[5:7], 0.3)])
    for near in (10, 30, 200):
        for pool, itself in ((images, 1), (others, 0)):
            found = find_duplicates(images, None if itself else pool, near=near)
            ratios = np.array([psnr(np.broadcast_to(image, pool.shape), pool) for image in images])
            np.testing.assert_array_equal(found.exact, (ratios == np.inf).sum(axis=1) - itself)
            np.testing.assert_array_equal(found.near, (ratios >= near).sum(axis=1) - itself)
    found = find_duplicates(images)
    assert found.exact[:4].tolist() == [2, 1, 1, 0]
    assert found.exact_share == 7 / 48
    assert found.near_share == 15 / 48


def test_independent_images_have_none_and_identical_sets_nothing_else(draw) -> None:
    images, others = draw(100, 0).images, draw(100, 1).images
    assert find_duplicates(images, others).near_share == 0
    assert find_duplicates(images, images).exact_share == 1
    assert find_duplicates(-np.zeros((2, 4, 4, 1)), np.zeros((1, 4, 4, 1))).exact.tolist() == [1, 1]


def test_five_thousand_against_five_thousand_take_seconds(draw) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (5000, 28, 28, 1)).astype(np.float32)
    start = time.monotonic()
    found = find_duplicates(images, images[::-1])
    assert time.monotonic() - start < 60  # 3 s; the rest is for other work on the machine
    assert (found.exact == 1).all()
    assert (found.near == 1).all()


def test_pneumonia_images_repeat_as_often_as_is_known(pneumonia) -> None:
    train, validation = (pneumonia[part].images for part in ("train", "val"))
    within = find_duplicates(train)
    assert len(train) - len({image.tobytes() for image in train}) == 18
    assert within.exact_share == pytest.approx(36 / 4708)
    np.testing.assert_array_equal(within.near, within.exact)
    assert (find_duplicates(validation, train).exact > 0).sum() == 8


def test_bad_requests(draw) -> None:
    images = draw(3, 0).images
    with pytest.raises(DataError, match="64 pixels"):
        find_duplicates(images, draw(3, 0, size=64).images)
    with pytest.raises(DataError, match="no images"):
        find_duplicates(images[:0])
    with pytest.raises(ValueError, match="decibels"):
        find_duplicates(images, near=np.nan)
