"""l-diversity: how well the sensitive value stays hidden within a class of rows that look alike.

Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam, "l-diversity: privacy beyond k-anonymity", ACM TKDD 2007.
"""

from __future__ import annotations

import numpy as np


def class_counts(classes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How often each sensitive value occurs in each class, int64 [classes, values].

    Args:
        classes: each row's equivalence class, [rows].
        values: each row's sensitive value as a whole number from 0, [rows].
    """
    present, index = np.unique(classes, return_inverse=True)
    width = int(values.max()) + 1 if len(values) else 0
    counts = np.zeros((len(present), width), np.int64)
    np.add.at(counts, (index.reshape(-1), values), 1)
    return counts


def distinct_diversity(counts: np.ndarray) -> int:
    """Fewest distinct sensitive values in a class: the l of distinct l-diversity.

    Args:
        counts: int [classes, values], each class with a row.
    """
    return int((counts > 0).sum(axis=1).min())


def entropy_diversity(counts: np.ndarray) -> float:
    """The greatest l with -sum p log p >= log l in every class: e to the smallest entropy.

    Args:
        counts: int [classes, values], each class with a row.
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return float(np.exp(-(shares * logs).sum(axis=1)).min())


def recursive_diversity(counts: np.ndarray, c: float) -> int:
    """The greatest l with r_1 < c (r_l + ... + r_m) in every class, r sorted downwards.

    Args:
        counts: int [classes, values], each class with a row.
        c: above 0; the commonest value may be c times as frequent as the tail.

    Returns:
        0 where not even l = 1 holds, which needs c <= 1.
    """
    descending = -np.sort(-counts, axis=1)
    tails = descending[:, ::-1].cumsum(axis=1)[:, ::-1]
    holds = descending[:, :1] < c * tails
    # Tails fall with l, so what holds for an l holds for all smaller ones.
    return int(holds.sum(axis=1).min())
