"""t-closeness: how far the sensitive values of a class are from those of the whole table.

Li, Li and Venkatasubramanian, "t-closeness: privacy beyond k-anonymity and l-diversity", ICDE 2007: the
earth mover's distance, with the ordered distance for numbers and the equal distance for categories.
"""

from __future__ import annotations

import numpy as np


def ordered_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Earth mover's distance where value i lies |i - j| / (m - 1) from value j; from 0 to 1.

    Args:
        first: shares, [..., m] in the values' order.
        second: shares, [m].

    Returns:
        float64 [...]; 0 for m = 1.
    """
    steps = np.abs(np.cumsum(first - second, axis=-1)[..., :-1])
    return steps.sum(axis=-1) / max(first.shape[-1] - 1, 1)


def equal_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Earth mover's distance where any two values lie 1 apart: the total variation.

    Args:
        first: shares, [..., m].
        second: shares, [m].

    Returns:
        float64 [...].
    """
    return np.abs(first - second).sum(axis=-1) / 2


def t_closeness(counts: np.ndarray, *, ordered: bool) -> float:
    """The greatest distance of a class from the whole table: the smallest t that the table keeps.

    Args:
        counts: how often each sensitive value occurs in each class, int [classes, values]; each class with a row and,
            where `ordered`, the values ascending and each of them in the table.
        ordered: whether the values are numbers.
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    overall = counts.sum(axis=0) / counts.sum()
    distances = ordered_distance(shares, overall) if ordered else equal_distance(shares, overall)
    return float(distances.max())
