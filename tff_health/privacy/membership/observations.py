"""What an attacker sees of a classifier: its scores for some patients, and models of its own for comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PROBABILITY_CLIP = 1e-7
"""Probabilities are clipped to [1e-7, 1 - 1e-7], as Keras clips them: single precision has nothing closer to one."""


@dataclass(frozen=True)
class Observations:
    """What an attack may look at. Which rows were members is not among it.

    Attributes:
        scores: the attacked model's probabilities of class 1, float64 [rows].
        labels: 0 or 1, int64 [rows].
        hospitals: each row's hospital, str [rows].
        shadow_scores: the shadow models' probabilities of the same rows, float64 [shadows, rows]; None without shadows.
        shadow_masks: which rows trained which shadow, bool [shadows, rows]; None without shadows.
    """

    scores: np.ndarray
    labels: np.ndarray
    hospitals: np.ndarray
    shadow_scores: np.ndarray | None = None
    shadow_masks: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Observations:
        """Some of the rows."""
        return Observations(
            self.scores[rows],
            self.labels[rows],
            self.hospitals[rows],
            None if self.shadow_scores is None else self.shadow_scores[:, rows],
            None if self.shadow_masks is None else self.shadow_masks[:, rows],
        )


def checked_observations(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    hospitals: npt.ArrayLike,
    shadow_scores: npt.ArrayLike | None = None,
    shadow_masks: npt.ArrayLike | None = None,
) -> Observations:
    """Arrays brought to the documented types; arguments as the attributes of `Observations`.

    Raises:
        ValueError: shapes disagree, a label is neither 0 nor 1, a score is no probability, or only one of the
            shadows' arrays is given.
    """
    truth = np.asarray(labels)
    names = np.asarray(hospitals).astype(str)
    if truth.ndim != 1 or not np.isin(truth, (0, 1)).all():
        raise ValueError("labels must be 0 or 1, one a row")
    if names.shape != truth.shape:
        raise ValueError(f"hospitals must name one hospital for each of {len(truth)} rows, not {names.shape}")
    target = _probabilities("scores", scores, truth.shape)
    if (shadow_scores is None) != (shadow_masks is None):
        raise ValueError("shadow scores and shadow masks come together or not at all")
    shadows, masks = None, None
    if shadow_scores is not None:
        masks = np.asarray(shadow_masks)
        if masks.dtype != bool or masks.ndim != 2 or masks.shape[1:] != truth.shape:
            raise ValueError(f"shadow masks must be bool [shadows, {len(truth)}], not {masks.dtype} {masks.shape}")
        shadows = _probabilities("shadow scores", shadow_scores, masks.shape)
    return Observations(target, truth.astype(np.int64), names, shadows, masks)


def scaled_confidence(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logit-scaled confidence in the true class, log(p_y / (1 - p_y)) (Carlini et al. 2022, section VI.A).

    Of two classes it is the logit of class 1 with the label's sign, so nothing cancels.

    Args:
        scores: probabilities of class 1, [..., rows]; clipped by `PROBABILITY_CLIP`.
        labels: 0 or 1, [rows].

    Returns:
        float64 [..., rows], from -16.1 to 16.1.
    """
    clipped = np.clip(np.asarray(scores, np.float64), PROBABILITY_CLIP, 1 - PROBABILITY_CLIP)
    return (np.log(clipped) - np.log1p(-clipped)) * np.where(labels == 1, 1.0, -1.0)


def _probabilities(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {list(shape)}, not {list(array.shape)}")
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"{name} must be probabilities; a value is not finite or outside [0, 1]")
    return array
