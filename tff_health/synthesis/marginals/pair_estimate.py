"""How one column depends on another beyond the label, out of their noisy two-way marginal."""

from __future__ import annotations

import numpy as np

from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.column_estimate import ColumnEstimate, group_rank
from tff_health.synthesis.marginals.marginal_query import Block
from tff_health.synthesis.marginals.simplex_code import simplex_code

DEVIATION = 0.4
"""Prior standard deviation of a joint cell's relative distance from independence within the labels."""

_BILINEAR = 0.75  # share of two ordered columns' prior variance that is a product of their ranks
_FEWEST = 0.02  # no joint cell falls below this share of what independence has it
_SWEEPS = 50


def pair_block(
    layout: CellLayout, first: int, second: int, of_first: ColumnEstimate, of_second: ColumnEstimate
) -> Block:
    """The two-way marginal of two columns' groups in products of their simplex codes, of norm at most 1.

    Args:
        layout: of the cells.
        first: position of a column in the schema.
        second: of another.
        of_first: its estimate.
        of_second: of the other.
    """
    code = pair_code(of_first, of_second).reshape(of_first.group_count, of_second.group_count, -1)
    return Block(first, second, of_first.groups, of_second.groups, code)


def estimate_pair(
    first: ColumnEstimate,
    second: ColumnEstimate,
    tables: tuple[np.ndarray, np.ndarray],
    label: np.ndarray,
    total: np.ndarray,
    *,
    rows: int,
    stddev: float,
) -> np.ndarray:
    """P(cell of the second | label, cell of the first), consistent with both columns' P(cell | label).

    The two-way marginal says by how much joint cells differ from independence within the labels: the posterior mean
    of a Gaussian model like that of `estimate_label_effect`. These ratios seed a table for each label, which iterative
    proportional fitting brings to the one-way tables (Deming and Stephan 1940): both labels then share the odds ratios
    of the pair, the log-linear model without three-way interaction.

    Args:
        first: estimate of the column above.
        second: of the column below.
        tables: float64 [2, cells] of the first and of the second: P(cell | label).
        label: float64 [2].
        total: noisy sum of `pair_block`.
        rows: all hospitals'.
        stddev: of the noise on `total`.

    Returns:
        float64 [2, cells of the first, cells of the second].
    """
    of_first, of_second = (
        np.stack([np.bincount(column.groups, row, column.group_count) for row in table])
        for column, table in ((first, tables[0]), (second, tables[1]))
    )
    independent = np.einsum("ya,yb->yab", of_first, of_second)
    expected = rows * np.einsum("y,yab->ab", label, independent)
    code = pair_code(first, second)
    design = (code * expected.reshape(-1, 1)).T
    noise = stddev**2 * np.eye(len(total)) + design @ code
    noise += 1e-9 * np.trace(noise) / len(noise) * np.eye(len(noise))
    prior = np.eye(design.shape[1])
    if first.ordered and second.ordered:
        ranks = np.outer(np.append(group_rank(first), 0.0), np.append(group_rank(second), 0.0)).reshape(-1)
        prior = 9 * _BILINEAR * np.outer(ranks, ranks) + (1 - _BILINEAR) * prior
    spread = DEVIATION**2 * prior @ design.T
    deviation = spread @ np.linalg.solve(design @ spread + noise, total - design.sum(axis=1))
    ratio = np.maximum(1 + deviation.reshape(expected.shape), _FEWEST)
    joint = _fitted(independent * ratio, of_first, of_second)
    return _by_cell(joint, first, second, tables[1], of_first, of_second)


def pair_code(first: ColumnEstimate, second: ColumnEstimate) -> np.ndarray:
    """float64 [pairs of groups, entries]: the code of `pair_block`."""
    codes = (simplex_code(first.group_count - 1), simplex_code(second.group_count - 1))
    return np.einsum("ai,bj->abij", *codes).reshape(len(codes[0]) * len(codes[1]), -1)


def _fitted(joint: np.ndarray, of_first: np.ndarray, of_second: np.ndarray) -> np.ndarray:
    """Tables by label, [2, groups, groups], brought to both margins; those of first exactly."""
    for _ in range(_SWEEPS):
        joint = joint * _ratio(of_second, joint.sum(axis=1))[:, np.newaxis, :]
        joint = joint * _ratio(of_first, joint.sum(axis=2))[:, :, np.newaxis]
    return joint


def _ratio(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)


def _by_cell(
    joint: np.ndarray,
    first: ColumnEstimate,
    second: ColumnEstimate,
    below: np.ndarray,
    of_first: np.ndarray,
    of_second: np.ndarray,
) -> np.ndarray:
    """Groups' conditional chances shared out among cells as the one-way table has them."""
    conditional = joint * _ratio(np.ones_like(of_first), of_first)[:, :, np.newaxis]
    within = below * _ratio(np.ones_like(of_second), of_second)[:, second.groups]
    table = conditional[:, first.groups][:, :, second.groups] * within[:, np.newaxis, :]
    chance = table.sum(axis=-1, keepdims=True)
    # A cell above that never occurs says nothing about the one below.
    return np.where(chance > 0.5, table / np.where(chance > 0, chance, 1.0), below[:, np.newaxis, :])
