"""What a model says about some patients, and how far off it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LOSS_CLIP = 1e-7  # Keras' own


@dataclass(frozen=True, eq=False)
class Scored:
    """A model's scores of some patients.

    Attributes:
        labels: int64 [patients].
        scores: float64 [patients]; not finite where the model has diverged.
        loss: mean binary cross-entropy, NaN where the model has diverged or there is no patient.
    """

    labels: np.ndarray
    scores: np.ndarray
    loss: float


def cross_entropy(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean binary cross-entropy of scores [n] against labels [n] or [n, 1]."""
    truth = labels.reshape(-1)
    clipped = np.clip(scores, _LOSS_CLIP, 1 - _LOSS_CLIP)
    return float(-np.mean(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped)))
