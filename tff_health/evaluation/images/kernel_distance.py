"""The kernel distance (KID) between two sets of features (Binkowski et al. 2018, arXiv 1801.01401)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tff_health.evaluation.images.feature_arrays import checked_features


def kernel_distance(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy under the kernel (x . y / entries + 1)^3.

    It is as likely below 0 as above where the sets come from one distribution, however few images there are
    (Gretton et al. 2012, eq. 3). Memory grows with n * m; a thousand images each are enough.

    Args:
        real: features of real images, [n, entries], n >= 2.
        synthetic: the same of synthetic ones, [m, entries], m >= 2.

    Raises:
        DataError: the features cannot be compared.
    """
    first = checked_features(real, "real images")
    second = checked_features(synthetic, "synthetic images", first)
    within = _mean_of_pairs(first) + _mean_of_pairs(second)
    return within - 2 * float(_kernel(first, second).mean())


def _mean_of_pairs(points: np.ndarray) -> float:
    """Mean of the kernel over pairs of two different points."""
    kernel = _kernel(points, points)
    return float((kernel.sum() - np.trace(kernel)) / (len(points) * (len(points) - 1)))


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray((first @ second.T / first.shape[1] + 1) ** 3)
