"""ROC curves under bootstrap weights, all replicates at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curves:
    """ROC curves of several weightings of the same patients.

    Attributes:
        false_positive_rate: [replicates, thresholds + 1], from 0 to 1; NaN where there is no negative.
        true_positive_rate: the same shape; NaN where there is no positive.
    """

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray

    @property
    def area(self) -> np.ndarray:
        """AUC of each replicate by the trapezoid rule (ties count half); NaN where one class is absent."""
        steps = np.diff(self.false_positive_rate, axis=1)
        heights = (self.true_positive_rate[:, 1:] + self.true_positive_rate[:, :-1]) / 2
        return np.sum(steps * heights, axis=1)

    def at(self, grid: np.ndarray) -> np.ndarray:
        """True positive rates at the false positive rates of `grid`: [replicates, len(grid)]."""
        return np.stack(
            [
                np.interp(grid, false, true)
                for false, true in zip(self.false_positive_rate, self.true_positive_rate, strict=True)
            ]
        )


def roc_curves(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> Curves:
    """ROC curves of weighted patients.

    Args:
        labels: int [patients], 0 or 1.
        scores: float [patients], higher means more likely positive.
        weights: float [replicates, patients], how often each patient counts; None counts each once.
    """
    if weights is None:
        weights = np.ones((1, len(labels)))
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Patients with equal scores pass the threshold together.
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    positive = np.cumsum(weights[:, order] * (labels[order] == 1), axis=1)[:, last]
    negative = np.cumsum(weights[:, order] * (labels[order] == 0), axis=1)[:, last]
    start = np.zeros((len(weights), 1))
    with np.errstate(invalid="ignore"):
        return Curves(np.hstack([start, negative]) / negative[:, -1:], np.hstack([start, positive]) / positive[:, -1:])


def bootstrap_weights(patients: int, replicates: int, seed: int) -> np.ndarray:
    """Multinomial counts [replicates, patients]: each row is one resample with replacement."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(patients, np.full(patients, 1 / patients), size=replicates).astype(np.float64)
