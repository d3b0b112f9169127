"""An attack's ROC curve under many weightings of the rows at once, and what is read from it.

A bootstrap resample is a weight per row, so that a thousand resamples are a few cumulative sums. Non-members are
weighted such that each hospital has the same share of them as of members: a threshold that picks out a hospital gains
nothing. With the same held-out share in every hospital, which is usual, all those weights are equal.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-9


class RocCurves:
    """The curves of one attack.

    Args:
        scores: attack's scores, float64 [rows], higher for likelier members.
    """

    def __init__(self, scores: np.ndarray) -> None:
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        # Rows of equal score pass a threshold together: a point of the curve stands at the last of each group.
        ends = np.flatnonzero(np.concatenate([ordered[1:] != ordered[:-1], [True]]))
        # Copying large blocks of weights is what costs time here, so it is left out where it would change nothing.
        self._order = None if (order[1:] > order[:-1]).all() else order
        self._ends = None if len(ends) == len(scores) else ends

    def passed(self, weights: np.ndarray) -> np.ndarray:
        """The weight at or above each threshold, float64 [B, thresholds + 1], from 0; fastest for descending scores.

        Args:
            weights: float64 [B, rows].
        """
        ordered = weights if self._order is None else weights[:, self._order]
        cumulative = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(ordered, axis=1, out=cumulative[:, 1:])
        return cumulative if self._ends is None else cumulative[:, np.concatenate([[0], self._ends + 1])]

    def rates(self, weights: np.ndarray) -> np.ndarray:
        """Shares of the weight at or above each threshold, float64 [B, thresholds + 1], from 0 to 1.

        Args:
            weights: of the rows of one kind, float64 [B, rows], 0 for the others. A weighting without weight gives
                zeros throughout.
        """
        passed = self.passed(weights)
        total = passed[:, -1:]
        return np.divide(passed, total, out=np.zeros_like(passed), where=total > 0)


def tpr_at_fpr(true_rates: np.ndarray, false_rates: np.ndarray, limit: float) -> np.ndarray:
    """The greatest true-positive rate of a threshold whose false-positive rate is at most `limit`.

    Only thresholds that exist count: nothing is interpolated between points of the curve. With fewer than 1 / limit
    non-members it is the share of members above every non-member.

    Args:
        true_rates: float64 [B, points], ascending.
        false_rates: float64 [B, points], ascending from 0.
        limit: such as 0.01.

    Returns:
        float64 [B].
    """
    return np.where(false_rates <= limit + ROUNDING, true_rates, 0.0).max(axis=1)


def advantage(curves: RocCurves, weights: np.ndarray, is_member: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """The attack's membership advantage, TPR - FPR (Yeom et al. 2018, definition 4), at thresholds set on other rows.

    The best threshold on the very rows that are scored flatters an attack: without any leak it shows an advantage of
    about 1 / sqrt(rows). So each half of the rows is judged by the threshold that is best on the other half, and the
    halves, of several divisions, are averaged. Balanced accuracy is (1 + advantage) / 2. A row is in the same half in
    every bootstrap resample, else copies of it would stand on both sides.

    Args:
        curves: of the attack.
        weights: float64 [B, rows].
        is_member: bool [rows].
        halves: bool [divisions, rows]: several divisions to average over.

    Returns:
        float64 [B], from -1 to 1.
    """
    values = []
    lines = np.arange(len(weights))
    for first in halves:
        differences = [curves.passed(_signed(weights, is_member, half)) for half in (first, ~first)]
        for chosen_on, judged in (differences, differences[::-1]):
            values.append(judged[lines, chosen_on.argmax(axis=1)])
    return np.clip(np.mean(values, axis=0), -1.0, 1.0)  # rounding can leave the range by a hair


def _signed(weights: np.ndarray, is_member: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Weights of a half whose running sum is TPR - FPR, float64 [B, rows]."""
    members, others = (weights @ (half & kind).astype(np.float64) for kind in (is_member, ~is_member))
    of_members, of_others = (
        np.divide(1.0, total, out=np.zeros_like(total), where=total > 0) for total in (members, others)
    )
    return weights * np.where(is_member, of_members[:, np.newaxis], -of_others[:, np.newaxis]) * half


def matched_weights(is_member: np.ndarray, hospitals: np.ndarray) -> np.ndarray:
    """Weights of the non-members that give every hospital its share of the members; 1 for members.

    Args:
        is_member: bool [rows].
        hospitals: [rows]; each holds both kinds.

    Returns:
        float64 [rows]; the non-members' sum is the number of members.
    """
    weights = np.ones(len(is_member))
    for hospital in np.unique(hospitals):
        here = hospitals == hospital
        weights[here & ~is_member] = (here & is_member).sum() / (here & ~is_member).sum()
    return weights


def balanced_halves(cells: np.ndarray, divisions: int, rng: np.random.Generator) -> np.ndarray:
    """Random divisions of rows into halves that differ by one row at most within each cell.

    Args:
        cells: what to balance, such as the hospital and the membership, [rows].
        divisions: how many.
        rng: source of the draws.

    Returns:
        bool [divisions, rows]: whether a row is in the first half.
    """
    halves = np.zeros((divisions, len(cells)), bool)
    for cell in np.unique(cells):
        rows = np.flatnonzero(cells == cell)
        for first in halves:
            # Which half gets the odd row varies, so that single rows of small cells do not all land in the same one.
            first[rng.permutation(rows)] = (np.arange(len(rows)) + rng.integers(2)) % 2 == 0
    return halves
