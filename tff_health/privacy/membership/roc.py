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
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        # Rows of equal score pass a threshold together: a point of the curve stands at the last of each group.
        self._starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))

    def rates(self, weights: np.ndarray) -> np.ndarray:
        """Shares of the weight at or above each threshold, float64 [B, thresholds + 1], from 0 to 1.

        Args:
            weights: of the rows of one kind, float64 [B, rows], 0 for the others. A weighting without weight gives
                zeros throughout.
        """
        grouped = np.add.reduceat(weights[:, self._order], self._starts, axis=1)
        passed = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(grouped, axis=1)], axis=1)
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


def advantage(curves: RocCurves, members: np.ndarray, non_members: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """The attack's membership advantage, TPR - FPR (Yeom et al. 2018, definition 4), at thresholds set on other rows.

    The best threshold on the very rows that are scored flatters an attack: without any leak it shows an advantage of
    about 1 / sqrt(rows). So each row is judged by the threshold that is best on rows of the other folds, and the folds
    are averaged. Balanced accuracy is (1 + advantage) / 2. A row is in the same fold in every bootstrap resample, else
    copies of it would stand on both sides.

    Args:
        curves: of the attack.
        members: weights, float64 [B, rows].
        non_members: weights, float64 [B, rows].
        folds: int64 [divisions, rows]: several divisions into folds numbered from 0, to average over.

    Returns:
        float64 [B], from -1 to 1.
    """
    values = []
    lines = np.arange(len(members))
    for division in folds:
        for fold in range(int(division.max()) + 1):
            scored = division == fold
            chosen_on = curves.rates(members * ~scored) - curves.rates(non_members * ~scored)
            best = chosen_on.argmax(axis=1)
            judged = curves.rates(members * scored) - curves.rates(non_members * scored)
            values.append(judged[lines, best])
    return np.mean(values, axis=0)


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


def balanced_folds(cells: np.ndarray, divisions: int, rng: np.random.Generator, folds: int = 2) -> np.ndarray:
    """Random divisions of rows into folds that differ by one row at most within each cell.

    Args:
        cells: what to balance, such as the hospital and the membership, [rows].
        divisions: how many.
        rng: source of the draws.
        folds: of each division.

    Returns:
        int64 [divisions, rows], from 0 to folds - 1.
    """
    divided = np.zeros((divisions, len(cells)), np.int64)
    for cell in np.unique(cells):
        rows = np.flatnonzero(cells == cell)
        for division in divided:
            # The first fold varies, so that single rows of small cells do not all land in the same one.
            division[rng.permutation(rows)] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    return divided
