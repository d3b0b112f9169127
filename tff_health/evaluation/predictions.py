"""What a metric sees, and what predictions must be to be scored at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import SettingsError, TffHealthError


class PredictionsError(TffHealthError):
    """Predictions that cannot be scored."""


class MetricError(SettingsError):
    """A user's metric that is named badly or twice, or that failed."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """One model's predictions for a set of patients: the record that users' metrics receive.

    Attributes:
        labels: int64 [n], 1 for the positive class.
        scores: float64 [n], predicted probability of the positive class, in [0, 1].
        threshold: a patient is called positive where score >= threshold.
        hospital: [n], each patient's hospital, or None where it is not known.
    """

    labels: np.ndarray
    scores: np.ndarray
    threshold: float = 0.5
    hospital: np.ndarray | None = None

    @property
    def predicted(self) -> np.ndarray:
        """int64 [n]: the classes that the threshold gives."""
        return (self.scores >= self.threshold).astype(np.int64)

    def take(self, rows: np.ndarray) -> Predictions:
        """The same for some of the patients; int [rows] may repeat a patient."""
        hospital = None if self.hospital is None else self.hospital[rows]
        return Predictions(self.labels[rows], self.scores[rows], self.threshold, hospital)


def check_labels(labels: npt.ArrayLike) -> np.ndarray:
    """Returns labels as int64 [n].

    Raises:
        PredictionsError: there is no patient, or a label is neither 0 nor 1.
    """
    raw = np.asarray(labels)
    if raw.ndim != 1 or raw.size == 0:
        raise PredictionsError(f"Labels must be one number a patient, at least one, but have shape {raw.shape}.")
    if not np.isin(raw, (0, 1)).all():
        raise PredictionsError("Labels must be 0 or 1: the metrics are those of a binary diagnosis.")
    return raw.astype(np.int64)


def check_scores(scores: npt.ArrayLike, patients: int) -> np.ndarray:
    """Returns scores as float64 [seeds, patients]; [patients] is read as one seed.

    Raises:
        PredictionsError: the shape does not fit, or a score is NaN or outside [0, 1].
    """
    checked = np.atleast_2d(np.asarray(scores, np.float64))
    if checked.ndim != 2 or checked.shape[1] != patients or len(checked) == 0:
        raise PredictionsError(
            f"Scores must have shape [seeds, {patients}] like the labels, but have {np.shape(scores)}."
        )
    if np.isnan(checked).any():
        seed, patient = (int(i) + 1 for i in np.argwhere(np.isnan(checked))[0])
        raise PredictionsError(
            f"The score of patient {patient}, seed {seed}, is not a number: the model has diverged; "
            "lower the learning rate or look at its inputs."
        )
    if (checked < 0).any() or (checked > 1).any():
        raise PredictionsError("Scores must be probabilities between 0 and 1: apply a sigmoid to logits first.")
    return checked


def check_hospitals(hospitals: npt.ArrayLike | None, patients: int) -> np.ndarray | None:
    """Returns hospitals as an array [patients], or None.

    Raises:
        PredictionsError: the shape does not fit.
    """
    if hospitals is None:
        return None
    checked: np.ndarray[Any, Any] = np.asarray(hospitals)
    if checked.shape != (patients,):
        raise PredictionsError(f"Hospitals must have shape ({patients},) like the labels, not {checked.shape}.")
    return checked
