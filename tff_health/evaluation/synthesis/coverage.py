"""Whether synthetic rows lie where real ones do, and reach all of them: nearest-neighbour precision and recall.

Each row is a point (`features.py`); a set's manifold is the union of the balls around its points that reach to the
point's k-th nearest neighbour in the set. Precision and recall follow Kynkaanniemi et al. (2019, arXiv 1904.06991),
density and coverage Naeem et al. (2020, arXiv 2002.09797), which a single outlying row distorts less:

- precision: share of synthetic points inside the real manifold;
- recall: share of real points inside the synthetic manifold;
- density: real balls that hold a synthetic point, on average, over k; about 1 where they are equal, may exceed 1;
- coverage: share of real points whose own ball holds a synthetic point; 1 - 2^-k (.97) expected where they are equal.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from tff_health.evaluation.synthesis.features import RowFeatures
from tff_health.evaluation.synthesis.tables import SynthesisTables, at_most

NEIGHBOURS = 5
MOST_ROWS = 10_000  # of each kind; the time grows with the square
_BLOCK = 500  # points at a time, so that memory does not
_DRAWS = {"train": 2, "test": 3}
AGAINST = tuple(_DRAWS)


def coverage_terms(real: np.ndarray, synthetic: np.ndarray, neighbours: int = NEIGHBOURS) -> dict[str, np.ndarray]:
    """Compares two sets of points; the metrics are the means of the terms.

    Args:
        real: float64 [n, features].
        synthetic: float64 [m, features]; recall and coverage grow with m, so give as many as there are real ones.
        neighbours: k, at least 1.

    Returns:
        `precision` and `density` float64 [m], `recall` and `coverage` float64 [n]; all NaN where a set has k points or
        fewer.
    """
    if min(len(real), len(synthetic)) <= neighbours:
        return {
            name: np.full(len(points), np.nan)
            for name, points in (("precision", synthetic), ("recall", real), ("density", synthetic), ("coverage", real))
        }
    real_radii, synthetic_radii = _radii(real, neighbours), _radii(synthetic, neighbours)
    balls = np.zeros(len(synthetic))
    recalled, covered = np.zeros(len(real)), np.zeros(len(real))
    for start in range(0, len(real), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = cdist(real[block], synthetic)
        inside = distances <= real_radii[block, np.newaxis]
        balls += inside.sum(axis=0)
        covered[block] = inside.any(axis=1)
        recalled[block] = (distances <= synthetic_radii).any(axis=1)
    return {
        "precision": (balls > 0).astype(np.float64),
        "recall": recalled,
        "density": balls / neighbours,
        "coverage": covered,
    }


def table_coverage_terms(tables: SynthesisTables, against: str) -> dict[str, np.ndarray]:
    """`coverage_terms` of synthetic rows against real ones, as many of them as of those where there are enough.

    Args:
        tables: real and synthetic rows; points are standardised on the training rows in any case.
        against: `train` or `test`.
    """
    rng = tables.rng(_DRAWS[against])
    features = RowFeatures.fit(tables.train_rows, tables.schema)
    real = at_most({"train": tables.train_rows, "test": tables.test_rows}[against], MOST_ROWS, rng)
    synthetic = at_most(tables.synthetic_rows, len(real), rng)
    return coverage_terms(features.transform(real), features.transform(synthetic))


def coverage_metrics(tables: SynthesisTables) -> dict[str, float]:
    """`train/precision`, `train/recall`, `train/density`, `train/coverage`, then the same against held-out rows.

    Values that are high against training rows and low against held-out ones are a sign of copying.
    """
    return {
        f"{against}/{name}": float(terms.mean())
        for against in AGAINST
        for name, terms in table_coverage_terms(tables, against).items()
    }


def _radii(points: np.ndarray, neighbours: int) -> np.ndarray:
    """float64 [n]: each point's distance to its k-th nearest neighbour, itself not counted."""
    blocks = (cdist(points[start : start + _BLOCK], points) for start in range(0, len(points), _BLOCK))
    # A point is its own nearest, at position 0.
    return np.concatenate([np.partition(block, neighbours, axis=1)[:, neighbours] for block in blocks])
