"""Whether a generator repeats its training images: each synthetic image's closest one, beside held-out images.

What is compared. A synthetic image's closest real image is a training image as often as chance has it, or more often;
and synthetic images lie as close to training images as held-out ones do, or closer. Both take held-out images of the
same distribution: images of the same patients held out as well as trained on would hide a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.image_arrays import checked_images
from tff_health.evaluation.disclosure.closest_distances import RESAMPLES, closer_share, closest_distance_metrics
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate
from tff_health.evaluation.images.nearest_images import nearest_images
from tff_health.evaluation.images.similarity import psnr_of_distance, ssim

MEASURES = ("psnr", "ssim")


@dataclass(frozen=True, eq=False)
class ClosestImages:
    """Each image's closest training image, by Euclidean distance in pixels.

    Attributes:
        index: its position among the training images, int64 [n].
        distance: to the closest and the second closest, float64 [n, 2].
        psnr: to the closest in decibels, float64 [n]; infinite for a copy.
        ssim: to the closest, float64 [n].
    """

    index: np.ndarray
    distance: np.ndarray
    psnr: np.ndarray
    ssim: np.ndarray


def closest_training_images(images: npt.ArrayLike, train: npt.ArrayLike) -> ClosestImages:
    """Finds each image's closest training image and how alike the two are.

    Args:
        images: float32 [n, size, size, 1] in [-1, 1].
        train: two or more of the same size.

    Raises:
        DataError: the images cannot be compared, or there are too few.
    """
    asked = checked_images(images, "images")
    seen = checked_images(train, "training images", asked)
    if len(seen) < 2:
        raise DataError("There is one training image: it takes two to say how close the closest is.")
    found = nearest_images(asked, seen, 2)
    closest = found.index[:, 0]
    pixels = asked[0].size
    return ClosestImages(
        closest, found.distance, psnr_of_distance(found.distance[:, 0], pixels), ssim(asked, seen[closest])
    )


def memorised_share(
    train: npt.ArrayLike, held_out: npt.ArrayLike, synthetic: npt.ArrayLike, *, level: float = LEVEL
) -> Estimate:
    """Share of synthetic images whose closest real image is a training image, as if as many were held out.

    All real images count; with unequal numbers the odds are divided by those that strangers' images would have, and
    with equal numbers this is the plain share: .5 for a generator that remembers nobody, 1 for one that copies. An
    image with several closest ones counts in parts. The interval is that of `disclosure.closest_distances`.

    Args:
        train: images the generator was fitted on, float32 [n, size, size, 1] in [-1, 1].
        held_out: images of the same distribution that it never saw.
        synthetic: its own.
        level: coverage of the interval.

    Raises:
        DataError: the images cannot be compared.
    """
    seen = checked_images(train, "training images")
    unseen = checked_images(held_out, "held-out images", seen)
    made = checked_images(synthetic, "synthetic images", seen)
    found = nearest_images(made, np.concatenate([seen, unseen]))
    parts = (found.distance == found.distance[:, :1]).astype(np.float64)
    parts /= parts.sum(axis=1, keepdims=True)
    counts = np.bincount(found.index.ravel(), parts.ravel(), len(seen) + len(unseen))
    return closer_share(counts[: len(seen)], counts[len(seen) :], len(made), level=level)


def memorisation_metrics(
    train: npt.ArrayLike,
    held_out: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """How close synthetic images come to training images. Controls treat held-out images as if they were synthetic.

    Args:
        train: images the generator was fitted on, float32 [n, size, size, 1] in [-1, 1], two or more.
        held_out: images of the same distribution that it never saw.
        synthetic: its own.
        rng: source of the bootstrap draws.
        resamples: bootstrap resamples, over synthetic and held-out images.
        level: coverage of the intervals.

    Returns:
        `dcr_share` (`memorised_share`); by Euclidean distance, those of `disclosure.closest_distances`, such as
        `near_copies` and `near_copies_holdout`; and `psnr_median`, `ssim_median`, `psnr_median_holdout`,
        `ssim_median_holdout`, medians of the likeness to the closest training image, PSNR in decibels.

    Raises:
        DataError: the images cannot be compared.
    """
    values = {"dcr_share": memorised_share(train, held_out, synthetic, level=level)}
    released, strangers = (closest_training_images(images, train) for images in (synthetic, held_out))
    values |= closest_distance_metrics(released.distance, strangers.distance, rng=rng, resamples=resamples, level=level)
    for suffix, found in (("", released), ("_holdout", strangers)):
        for measure, terms in (("psnr", found.psnr), ("ssim", found.ssim)):
            values[f"{measure}_median{suffix}"] = _median(terms, rng, resamples, level)
    return values


def _median(terms: np.ndarray, rng: np.random.Generator, resamples: int, level: float) -> Estimate:
    drawn = [_middle(terms[rng.integers(len(terms), size=len(terms))]) for _ in range(resamples)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="lower")
    return Estimate(_middle(terms), float(low), float(high))


def _middle(terms: np.ndarray) -> float:
    # An interpolated quantile of infinite decibels is not a number.
    return float(np.quantile(terms, 0.5, method="lower"))
