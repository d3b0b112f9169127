"""Choosing a decision threshold. The default of every experiment is .5; anything else is chosen on training rows."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from tff_health.evaluation.predictions import PredictionsError, check_labels, check_scores

DEFAULT_THRESHOLD = 0.5

Criterion = Literal["accuracy", "youden"]


def choose_threshold(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    criterion: Criterion = "accuracy",
    *,
    bandwidth: float = 0.0,
) -> float:
    """The threshold that serves training rows best; a patient is called positive where score >= threshold.

    Candidates are .5 and the midpoints between neighbouring distinct scores: all thresholds between two neighbours
    classify the same. Among equally good candidates the one nearest .5 wins, the lower of two equally near.

    Few rows make the criterion jagged, and its highest peak is often chance. With a `bandwidth` h each row counts by
    the logistic curve 1 / (1 + exp(-(score - t) / h)) in place of a step at t, which prefers thresholds that are good
    over a stretch of about h. h around .05 suits some hundred rows; 0 is the plain criterion.

    Args:
        labels: 0 or 1, [n], of training rows.
        scores: probabilities of class 1, [n].
        criterion: `accuracy`, or `youden` for J = sensitivity + specificity - 1 (Youden 1950), which does not depend
            on how common the disease is.
        bandwidth: smoothing, in units of score.

    Returns:
        A threshold in [0, 1].

    Raises:
        PredictionsError: labels or scores cannot be scored, or there is one class only.
        ValueError: the criterion is unknown or the bandwidth negative.
    """
    if criterion not in get_args(Criterion):
        raise ValueError(f"criterion must be one of {', '.join(get_args(Criterion))}, not {criterion!r}")
    if not bandwidth >= 0:
        raise ValueError(f"bandwidth must be 0 or more, not {bandwidth}")
    truth = check_labels(labels)
    probabilities = check_scores(scores, len(truth))[0]
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        raise PredictionsError(
            "A threshold cannot be chosen from rows of one class: use the default of .5 or more training rows."
        )
    distinct = np.unique(probabilities)
    candidates = np.unique(np.append((distinct[1:] + distinct[:-1]) / 2, DEFAULT_THRESHOLD))
    # Distances are rounded so that .3 and .7 count as equally near; the sort is stable, so the lower one comes first.
    candidates = candidates[np.argsort(np.round(np.abs(candidates - DEFAULT_THRESHOLD), 12), kind="stable")]
    called = _called(probabilities, candidates, bandwidth)
    negatives = len(truth) - positives
    hits, false_alarms = called @ truth, called @ (1 - truth)
    if criterion == "accuracy":
        quality = (hits - false_alarms) / len(truth)
    else:
        quality = hits / positives - false_alarms / negatives
    return float(candidates[np.argmax(np.round(quality, 12))])


def _called(scores: np.ndarray, candidates: np.ndarray, bandwidth: float) -> np.ndarray:
    """float64 [candidates, n]: how far each patient counts as called positive, 0 to 1."""
    margin = scores - candidates[:, np.newaxis]
    if bandwidth == 0:
        return (margin >= 0).astype(np.float64)
    return 1 / (1 + np.exp(-np.clip(margin / bandwidth, -50, 50)))
