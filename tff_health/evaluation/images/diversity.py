"""Whether a generator's images of one class differ as much as real ones do: the SSIM of random pairs.

Odena, Olah and Shlens (2017, arXiv 1610.09585, section 4.2) take the mean MS-SSIM of random pairs of a class: near 1
where a generator always makes the same image. Noise lowers it too, so a low value is no praise without a small
distance to real images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from tff_health.evaluation.bootstrap import LEVEL, RESAMPLES, Interval
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.evaluation.images.similarity import ssim
from tff_health.evaluation.mean_interval import difference_of_means, mean_interval

Similarity = Callable[[npt.ArrayLike, npt.ArrayLike], np.ndarray]


@dataclass(frozen=True)
class Diversity:
    """Mean similarity of random pairs of one class.

    Attributes:
        real: of real images.
        synthetic: of synthetic ones.
        difference: synthetic less real; above 0 where synthetic images are more alike, as after mode collapse.
    """

    real: Interval
    synthetic: Interval
    difference: Interval


def pair_similarities(images: np.ndarray, *, rng: np.random.Generator, similarity: Similarity = ssim) -> np.ndarray:
    """The similarity of random pairs; each image is in one pair, so the pairs are independent as the images are.

    Args:
        images: float32 [n, size, size, 1] in [-1, 1], n >= 2.
        rng: source of the pairs.
        similarity: `ssim`, `ms_ssim` or any of the same form.

    Returns:
        float64 [n // 2].

    Raises:
        DataError: there is no pair, or the images cannot be measured.
    """
    if len(images) < 2:
        raise DataError(f"A pair takes two images of a class, but there are {len(images)}: give more.")
    order = rng.permutation(len(images))[: len(images) // 2 * 2].reshape(-1, 2)
    return similarity(images[order[:, 0]], images[order[:, 1]])


def class_diversity(
    real: ImageSet,
    synthetic: ImageSet,
    *,
    rng: np.random.Generator,
    similarity: Similarity = ssim,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[int, Diversity]:
    """Compares the mean similarity within each class; intervals are bootstrapped over pairs.

    Args:
        real: images.
        synthetic: the generator's, of the same size.
        rng: source of pairs and resamples.
        similarity: `ssim` or `ms_ssim`.
        resamples: bootstrap resamples.
        level: coverage aimed at.

    Returns:
        By the real images' classes.

    Raises:
        DataError: a class has fewer than two real or synthetic images.
    """
    found = {}
    for label in real.classes:
        values = []
        for images in (real, synthetic):
            own = images.images[images.labels == label]
            if len(own) < 2:
                raise DataError(f"There are {len(own)} {images.name} with label {label}: a pair takes two.")
            values.append(pair_similarities(own, rng=rng, similarity=similarity))
        of_real, of_synthetic = values
        found[label] = Diversity(
            mean_interval(of_real, rng=rng, resamples=resamples, level=level),
            mean_interval(of_synthetic, rng=rng, resamples=resamples, level=level),
            difference_of_means(of_synthetic, of_real, rng=rng, resamples=resamples, level=level),
        )
    return found
