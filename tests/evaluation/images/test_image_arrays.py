"""What cannot be measured is refused in a sentence that says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from data.image_arrays import checked_images
from tff_health.evaluation.images.feature_arrays import checked_features
from tff_health.evaluation.images.image_set import ImageSet

GREY = np.zeros((4, 28, 28, 1), np.float32)


def with_pixel(value: float) -> np.ndarray:
    images = GREY.copy()
    images[2, 5, 6] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (GREY[:0], "There are no X-rays: give one"),
        (GREY[..., 0], r"shape \(4, 28, 28\): give them as \[n, size, size, 1\]"),
        (GREY[:, :20], r"\[n, size, size, 1\]"),
        (with_pixel(np.nan), "not a finite number, first in image 3"),
        (with_pixel(255), r"from 0 to 255: scale them to \[-1, 1\]"),
    ],
)
def test_bad_images(images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_images(images, "X-rays")


def test_good_images_and_other_sizes() -> None:
    assert checked_images(GREY.astype(np.float64), "X-rays").dtype == np.float32
    with pytest.raises(DataError, match="X-rays are 28 pixels a side and those they are compared with 64"):
        checked_images(GREY, "X-rays", np.zeros((1, 64, 64, 1), np.float32))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros(3), r"give them as \[n, entries\]"),
        (np.zeros((1, 3)), "features of 1 X-rays: give two"),
        (np.full((2, 3), np.inf), "not a finite number"),
        (np.zeros((2, 4)), "4 entries and those they are compared with 3"),
    ],
)
def test_bad_features(features: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_features(features, "X-rays", np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.zeros(3), "labels of shape"), (np.full(4, 2), "must be 0 or 1"), (np.full(4, np.nan), "must be 0 or 1")],
)
def test_bad_labels(labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageSet(GREY, labels)


def test_a_split_is_stratified_and_loses_nobody(draw) -> None:
    images = draw(100, 0, share=0.3)
    first, rest = images.split(0.1, np.random.default_rng(0))
    assert np.bincount(first.labels).tolist() == [7, 3]
    assert np.bincount(rest.labels).tolist() == [63, 27]
    together = sorted(image.tobytes() for image in first.joined(rest).images)
    assert together == sorted(image.tobytes() for image in images.images)
    positive = first.images[first.labels == 1]
    assert all((image == images.images[images.labels == 1]).all(axis=(1, 2, 3)).any() for image in positive)
    tiny, _ = images.split(0.001, np.random.default_rng(0))
    assert np.bincount(tiny.labels).tolist() == [1, 1]
    with pytest.raises(DataError, match="one alone has label 1"):
        ImageSet(GREY, np.array([0, 0, 0, 1])).split(0.5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="share"):
        images.split(1, np.random.default_rng(0))
