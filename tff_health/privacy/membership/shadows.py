"""Which rows train which shadow model.

Every shadow is trained as the attacked model was: on as many rows of each hospital. Every row is in as nearly the same
number of shadows as can be (they differ by one at most), so that each has models with and without it to compare.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data.errors import SettingsError

FEWEST_SHADOWS = 4
_TRADES = 8  # a shadow; after a few, the draw has forgotten how it began


def shadow_memberships(
    hospitals: np.ndarray, shadows: int, train_sizes: Mapping[str, int], rng: np.random.Generator
) -> np.ndarray:
    """Draws the shadows' training rows, hospital by hospital.

    A row of a hospital that trains on k of its n rows is in floor or ceil(shadows * k / n) shadows: half of them where
    k is half of n. The rows are first dealt to the shadows in turn, then mixed by trades between pairs of shadows,
    which change neither a shadow's size nor a row's count (Strona et al. 2014, "A fast and unbiased procedure to
    randomize ecological binary matrices", Nature Communications 5:4114).

    Args:
        hospitals: each row's hospital, str [rows]: the pool, members and non-members together.
        shadows: how many, at least 4.
        train_sizes: rows of each hospital that train a shadow, as many as trained the attacked model; a hospital
            without an entry trains none.
        rng: source of the draws.

    Returns:
        bool [shadows, rows].

    Raises:
        SettingsError: too few shadows.
        ValueError: a hospital is to train on more rows than it has.
    """
    if shadows < FEWEST_SHADOWS:
        raise SettingsError(f"membership inference: shadows must be {FEWEST_SHADOWS} or more, not {shadows}.")
    masks = np.zeros((shadows, len(hospitals)), bool)
    for hospital in np.unique(hospitals):
        rows = np.flatnonzero(hospitals == hospital)
        size = train_sizes.get(str(hospital), 0)
        if not 0 <= size <= len(rows):
            raise ValueError(f"hospital {hospital!r} has {len(rows)} rows and cannot train on {size}")
        masks[:, rows] = _balanced(len(rows), size, shadows, rng)
    return masks


def _balanced(rows: int, size: int, shadows: int, rng: np.random.Generator) -> np.ndarray:
    """bool [shadows, rows] with `size` rows a shadow and columns' sums that differ by one at most."""
    masks = np.zeros((shadows, rows), bool)
    counts = np.zeros(rows, np.int64)
    for mask in masks:
        seldom = np.lexsort((rng.random(rows), counts))[:size]
        mask[seldom] = True
        counts[seldom] += 1
    for _ in range(_TRADES * shadows):
        one, other = rng.choice(shadows, 2, replace=False)
        differing = np.flatnonzero(masks[one] != masks[other])
        # Both shadows hold equally many of the rows that only one of them holds: divide these anew.
        to_one = rng.permutation(len(differing)) < len(differing) // 2
        masks[one, differing] = to_one
        masks[other, differing] = ~to_one
    return masks
