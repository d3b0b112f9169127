"""The Frechet distance between two sets of features, each taken for a Gaussian (Heusel et al. 2017, arXiv 1706.08500).

On the frozen classifier's features it is called FD-clf here; it is no FID, whose features are Inception's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tff_health.evaluation.images.feature_arrays import checked_features


def frechet_distance(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), eq. 6, with unbiased covariances.

    The estimate is biased upwards, the more the fewer images there are, so only distances of equally many images
    compare: see `real_floor.py`. The trace of the root is the sum of the singular values of S1^(1/2) S2^(1/2): both
    roots come from a symmetric eigenproblem, so singular covariances (dead units, fewer images than entries) need
    neither the usual offset on the diagonal nor an imaginary part to be thrown away.

    Args:
        real: features of real images, [n, entries], n >= 2.
        synthetic: the same of synthetic ones, [m, entries], m >= 2.

    Returns:
        0 or more, in squared units of the features.

    Raises:
        DataError: the features cannot be compared.
    """
    first = checked_features(real, "real images")
    second = checked_features(synthetic, "synthetic images", first)
    between = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    covariances = [np.atleast_2d(np.cov(points, rowvar=False)) for points in (first, second)]
    roots = [_root(covariance) for covariance in covariances]
    overlap = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    spread = sum(float(np.trace(covariance)) for covariance in covariances) - 2 * float(overlap)
    return between + max(spread, 0.0)  # rounding can leave the range by a hair


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)
