"""The share of the positive class, from one noisy number."""

from __future__ import annotations

import numpy as np

from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.marginal_query import Block, one_way

WEIGHT = 0.7
"""Of the label's own number beside columns of weight 1: the balance moves few results, so it spends half of theirs."""

_SPREAD = 0.3  # prior standard deviation of the balance
_MOST = 0.9


def balance_block(layout: CellLayout) -> Block:
    """The sum of the labels as -1 and 1, times `WEIGHT`; entries: 1."""
    return one_way(layout, layout.target, np.arange(3), WEIGHT * label_signs(layout)[:, np.newaxis])


def label_signs(layout: CellLayout) -> np.ndarray:
    """float64 [cells of the target]: -1 for the first code, 1 for the second, 0 for missing."""
    signs = np.zeros(layout.values[layout.target] + 1)
    signs[:2] = -1.0, 1.0
    return signs


def estimate_balance(total: np.ndarray, rows: int, stddev: float) -> float:
    """E[label] with labels -1 and 1; drawn towards 0 as far as the noise wants.

    Args:
        total: float64 [1] of `balance_block`.
        rows: all hospitals'.
        stddev: of the noise on `total`.
    """
    observed = float(total[0]) / WEIGHT / rows
    trust = _SPREAD**2 / (_SPREAD**2 + (stddev / WEIGHT / rows) ** 2)
    most = _MOST if stddev else 1.0
    return float(np.clip(observed * trust, -most, most))
