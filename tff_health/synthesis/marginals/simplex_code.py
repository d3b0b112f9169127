"""Codes of categories with the least privacy cost: the corners of a simplex around the origin, and missing."""

from __future__ import annotations

import numpy as np


def simplex_code(categories: int) -> np.ndarray:
    """Unit vectors of the categories and, orthogonal to all of them, of missing.

    Counts of d categories follow from the sum of such vectors and the public number of rows. One-hot vectors have
    norm 1 as well, but corners of a regular simplex centred at the origin lie further apart, sqrt(2 d / (d - 1))
    against sqrt(2), so the same noise hides less: of two categories' difference it has half the variance. Missing is
    had for nothing, since a further unit vector raises no norm. In the terms of Li et al. 2015, "The matrix mechanism:
    optimizing linear counting queries under differential privacy", this is the strategy for one block of disjoint
    counts under zero-out adjacency, where a patient who is taken out counts as the origin.

    Args:
        categories: 1 or more.

    Returns:
        float64 [categories + 1, categories]: rows of norm 1 (the only category of a column has the zero vector), the
        last one of missing.
    """
    if categories < 1:
        raise ValueError(f"a column needs at least one category, not {categories}")
    code = np.zeros((categories + 1, categories))
    code[-1, -1] = 1.0
    # Helmert contrasts: an orthonormal basis of the vectors that sum to nought.
    for k in range(1, categories):
        code[:k, k - 1], code[k, k - 1] = 1.0, -float(k)
        code[:categories, k - 1] /= np.sqrt(k * (k + 1))
    if categories > 1:
        code[:categories] *= np.sqrt(categories / (categories - 1))
    return code


def counts_from_code(code: np.ndarray, total: np.ndarray, rows: float) -> np.ndarray:
    """Counts whose coded sum is nearest to a noisy one, among those that add up to a known number.

    Args:
        code: [categories + 1, categories] of `simplex_code`.
        total: float64 [categories], the sum of all rows' codes.
        rows: what the counts add up to.

    Returns:
        float64 [categories + 1]; entries may be negative where there is noise.
    """
    categories = code.shape[1]
    missing = total[-1]
    known = code[:-1] @ total * (categories - 1) / categories
    return np.append(known + (rows - missing - known.sum()) / categories, missing)


def project_to_counts(counts: np.ndarray, rows: float) -> np.ndarray:
    """The nearest non-negative counts with a given sum (Duchi et al. 2008, figure 1).

    Args:
        counts: float64 [cells].
        rows: above 0.
    """
    ordered = np.sort(counts)[::-1]
    excess = (np.cumsum(ordered) - rows) / np.arange(1, len(counts) + 1)
    shift = excess[np.flatnonzero(ordered > excess)[-1]]
    return np.maximum(counts - shift, 0.0)
