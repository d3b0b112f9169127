"""Metrics of a binary classifier, computed for many weightings of the patients at once.

A bootstrap resample is a weight per patient (how often it was drawn), so every metric below is a function of weighted
sums, and a thousand resamples are one matrix product. A metric that is not defined (one class only, say) is NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tff_health.evaluation.predictions import check_labels, check_scores

LOSS_CLIP = 1e-7  # as Keras clips, so that a confident mistake costs 16.1 and not infinity
ECE_BINS = 10

DESCRIPTIONS = {
    "loss": "binary cross-entropy in nats, probabilities clipped to [1e-7, 1 - 1e-7]",
    "accuracy": "share of patients classified correctly",
    "auc": "area under the ROC curve: how often a sick patient scores above a healthy one, ties count half",
    "sensitivity": "share of positive patients called positive",
    "specificity": "share of negative patients called negative",
    "f1": "harmonic mean of precision and sensitivity",
    "brier": "mean squared difference between probability and outcome",
    "ece": "expected calibration error over ten equal-width bins of probability",
}
"""The built-in metrics and what they are, one phrase each."""


def classification_metrics(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float = 0.5) -> dict[str, float]:
    """All built-in metrics of one model on one set of patients.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
        threshold: a patient is called positive where score >= threshold.

    Returns:
        Metric -> value, in the order of `DESCRIPTIONS`; NaN where undefined.

    Raises:
        PredictionsError: labels or scores cannot be scored.
    """
    checked_labels = check_labels(labels)
    checked_scores = check_scores(scores, len(checked_labels))[0]
    weights = np.ones((1, len(checked_labels)))
    metrics = weighted_metrics(checked_labels, checked_scores, threshold, weights)
    return {name: float(values[0]) for name, values in metrics.items()}


def confusion_matrix(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float = 0.5) -> np.ndarray:
    """int64 [2, 2]: rows are the true class, columns the predicted one, negative first.

    Raises:
        PredictionsError: labels or scores cannot be scored.
    """
    truth = check_labels(labels)
    predicted = (check_scores(scores, len(truth))[0] >= threshold).astype(np.int64)
    return np.bincount(2 * truth + predicted, minlength=4).reshape(2, 2)


def weighted_metrics(
    labels: np.ndarray, scores: np.ndarray, threshold: float, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """All built-in metrics under B weightings of n patients.

    ECE follows Guo et al., "On calibration of modern neural networks" (2017), eq. 3, for the positive class's
    probability: bins [0, .1), [.1, .2), ..., [.9, 1], each bin's |mean outcome - mean probability| weighted by its
    share of patients. It is biased upwards on few patients.

    Args:
        labels: int64 [n], checked.
        scores: float64 [n], checked.
        threshold: a patient is called positive where score >= threshold.
        weights: float64 [B, n], each row's sum positive.

    Returns:
        Metric -> float64 [B], NaN where undefined.
    """
    positive = labels.astype(np.float64)
    called = (scores >= threshold).astype(np.float64)
    clipped = np.clip(scores, LOSS_CLIP, 1 - LOSS_CLIP)
    per_patient = np.column_stack(
        [
            np.ones_like(positive),
            positive,
            called,
            positive * called,
            -np.where(labels == 1, np.log(clipped), np.log1p(-clipped)),
            (scores - positive) ** 2,
        ]
    )
    gaps = np.eye(ECE_BINS)[ece_bins(scores)] * (positive - scores)[:, np.newaxis]
    sums = weights @ np.hstack([per_patient, gaps])
    total, positives, called_positive, true_positives, loss, squared = sums[:, : per_patient.shape[1]].T
    negatives = total - positives
    true_negatives = negatives - (called_positive - true_positives)
    return {
        "loss": loss / total,
        "accuracy": (true_positives + true_negatives) / total,
        "auc": weighted_auc(labels, scores, weights),
        "sensitivity": _ratio(true_positives, positives),
        "specificity": _ratio(true_negatives, negatives),
        "f1": _ratio(2 * true_positives, positives + called_positive),
        "brier": squared / total,
        "ece": np.abs(sums[:, per_patient.shape[1] :]).sum(axis=1) / total,
    }


def ece_bins(scores: np.ndarray) -> np.ndarray:
    """int64 [n]: each score's bin, [0, .1) first; the last one, [.9, 1], holds 1 as well."""
    return np.minimum((scores * ECE_BINS).astype(np.int64), ECE_BINS - 1)


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The Mann-Whitney form of the area under the ROC curve, under B weightings.

    The scores are sorted once. Each group of equal scores meets the negative weight below it in full and its own in
    half (Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982).

    Args:
        labels: int64 [n].
        scores: float64 [n].
        weights: float64 [B, n].

    Returns:
        float64 [B], NaN where a class has no weight.
    """
    order = np.argsort(scores, kind="stable")
    groups = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    sorted_weights = weights[:, order]
    positive = np.add.reduceat(sorted_weights * labels[order], groups, axis=1)
    negative = np.add.reduceat(sorted_weights * (1 - labels[order]), groups, axis=1)
    below_or_equal = np.cumsum(negative, axis=1)
    wins = np.einsum("bg,bg->b", positive, below_or_equal - negative / 2)
    return _ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan)
