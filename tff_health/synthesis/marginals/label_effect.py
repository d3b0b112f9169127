"""How much more often the positive class meets a column's cells: read out of a noisy sum by Bayes' rule."""

from __future__ import annotations

import numpy as np

from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.column_estimate import ColumnEstimate, group_rank
from tff_health.synthesis.marginals.label_balance import label_signs
from tff_health.synthesis.marginals.marginal_query import Block
from tff_health.synthesis.marginals.simplex_code import simplex_code

EFFECT_SIZE = 0.4
"""Prior standard deviation of E[label | group], labels being -1 and 1: public knowledge of what a risk factor does."""

_LINEAR = 0.75  # share of an ordered column's prior variance that is linear in the rank
_SUREST = 0.97  # no cell is believed to hold one class alone


def effect_block(layout: CellLayout, position: int, column: ColumnEstimate) -> Block:
    """What is summed: the label as -1 or 1 times `simplex_code` of the column's groups."""
    code = simplex_code(column.group_count - 1)
    signs = label_signs(layout)
    signed = code[:, np.newaxis, :] * signs[:, np.newaxis]
    return Block(position, layout.target, column.groups, np.arange(len(signs)), signed)


def estimate_label_effect(column: ColumnEstimate, total: np.ndarray, *, balance: float, stddev: float) -> np.ndarray:
    """E[label | cell] from the sum of `effect_block`: the posterior mean of a Gaussian model.

    The prior has the label independent of the column, give or take `EFFECT_SIZE`; what is measured is the prior's
    deviation times the groups' counts, with the privacy noise, whose size is known, and the patients' own sampling.
    So effects that noise could have made shrink to nought, and strong ones stay.

    Args:
        column: its distribution.
        total: float64 [groups without missing]: noisy sum of `effect_block`.
        balance: E[label].
        stddev: of the noise on `total`.

    Returns:
        float64 [cells], strictly between -1 and 1.
    """
    mass, code = column.group_mass, simplex_code(column.group_count - 1)
    design = (code * mass[:, np.newaxis]).T
    surprise = total - design.sum(axis=1) * balance
    noise = stddev**2 * np.eye(len(surprise)) + design @ code
    # Over all groups, missing too, effects cancel: else the balance would be another one. One row of slack.
    design = np.vstack([design, mass])
    surprise = np.append(surprise, 0.0)
    noise = np.pad(noise, (0, 1)) + np.diag([*np.full(len(noise), 1e-9 * (1 + np.trace(noise))), 1.0])
    prior = np.eye(len(mass))
    rank = group_rank(column)
    if column.ordered:
        # A uniform rank in [-1, 1] has variance 1/3. Missing goes with no rank.
        prior[:-1, :-1] = 3 * _LINEAR * np.outer(rank, rank) + (1 - _LINEAR) * prior[:-1, :-1]
    spread = EFFECT_SIZE**2 * prior @ design.T
    effect = spread @ np.linalg.solve(design @ spread + noise, surprise)
    cells = effect[column.groups]
    if column.ordered and len(rank) > 1:
        cells[:-1] = _interpolated(column.rank[:-1], rank, effect[:-1])
    return np.clip(balance + cells, -_SUREST, _SUREST)


def split_by_label(column: ColumnEstimate, effect: np.ndarray) -> np.ndarray:
    """P(cell | label) that agrees with the column's counts and the effect.

    Args:
        column: its distribution.
        effect: float64 [cells], E[label | cell].

    Returns:
        float64 [2, cells]; rows add up to 1.
    """
    tables = np.stack([column.counts * (1 - effect), column.counts * (1 + effect)])
    return tables / tables.sum(axis=1, keepdims=True)


def _interpolated(rank: np.ndarray, knots: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """The line through neighbouring groups' effects, gone on with at both ends."""
    slopes = np.diff(effect) / np.diff(knots)
    segment = np.clip(np.searchsorted(knots, rank) - 1, 0, len(slopes) - 1)
    return effect[segment] + slopes[segment] * (rank - knots[segment])
