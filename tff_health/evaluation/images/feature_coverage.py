"""Whether synthetic images lie where real ones do, and reach all of them: `synthesis/coverage.py` on features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tff_health.evaluation.bootstrap import LEVEL, RESAMPLES, Interval
from tff_health.evaluation.images.feature_arrays import checked_features
from tff_health.evaluation.mean_interval import mean_interval
from tff_health.evaluation.synthesis.coverage import MOST_ROWS, NEIGHBOURS, coverage_terms
from tff_health.evaluation.synthesis.tables import at_most


def feature_coverage(
    real: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    neighbours: int = NEIGHBOURS,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Precision, recall, density and coverage of equally many images; low recall and coverage tell of mode collapse.

    Give it held-out images in the place of synthetic ones to see what real images reach.

    Args:
        real: the frozen classifier's features of real images, [n, entries].
        synthetic: the same of synthetic ones, [m, entries].
        rng: source of the draw, where one set is larger, and of the resamples.
        neighbours: k, at least 1.
        resamples: bootstrap resamples; images are drawn with their terms, the neighbours staying as they are.
        level: coverage aimed at.

    Returns:
        `precision`, `recall`, `density`, `coverage` -> interval; NaN where a set has k images or fewer.

    Raises:
        DataError: the features cannot be compared.
    """
    points = checked_features(real, "real images")
    made = checked_features(synthetic, "synthetic images", points)
    count = min(len(points), len(made), MOST_ROWS)
    terms = coverage_terms(at_most(points, count, rng), at_most(made, count, rng), neighbours)
    return {name: mean_interval(values, rng=rng, resamples=resamples, level=level) for name, values in terms.items()}
