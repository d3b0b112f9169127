"""Detection: how well a classifier tells synthetic rows from real ones, by cross-validation.

The classifier two-sample test (Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", arXiv 1610.06545). An AUC
of .5 means that the rows cannot be told apart by this classifier on this many rows, 1 that they always can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tff_health.evaluation.classification import weighted_auc
from tff_health.evaluation.synthesis.features import RowFeatures
from tff_health.evaluation.synthesis.tables import SynthesisTables, at_most

FOLDS = 5
MOST_ROWS = 5_000  # of each kind; more take time and change the AUC little
_DRAW = 1


@dataclass(frozen=True, eq=False)
class DetectionScores:
    """What the classifiers say of rows that they were not fitted on.

    Attributes:
        synthetic: int64 [rows], 1 for a synthetic row.
        scores: by classifier (`logistic`, `forest`), float64 [rows], larger means more likely synthetic; empty where
            there are too few rows to cross-validate.
    """

    synthetic: np.ndarray
    scores: Mapping[str, np.ndarray]

    def metrics(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The AUCs under B weightings of the rows.

        Each is at least .5: what lies below comes of chance and of cross-validation, which errs that way on rows that
        cannot be told apart. `auc` is the larger of the classifiers', as someone who tries both would take; on rows
        that are alike it lies above .5 by chance, by about .04 on 150 rows of each kind.

        Args:
            weights: [B, rows], how often each row counts; None: once each, B = 1.

        Returns:
            `auc`, `logistic_auc`, `forest_auc`: float64 [B], NaN where undefined.
        """
        weights = np.ones((1, len(self.synthetic))) if weights is None else weights
        areas = {f"{name}_auc": weighted_auc(self.synthetic, scores, weights) for name, scores in self.scores.items()}
        at_least = {name: np.maximum(area, 0.5) for name, area in areas.items()}
        undefined = np.full(len(weights), np.nan)
        if not at_least:
            return {"auc": undefined, "logistic_auc": undefined, "forest_auc": undefined}
        return {"auc": np.max(list(at_least.values()), axis=0), **at_least}


def detection_scores(tables: SynthesisTables) -> DetectionScores:
    """Cross-validates both classifiers on real training rows against as many synthetic rows.

    A copy of a real row stands in that row's fold: else the classifier would have seen it under the other label, and a
    generator would hide by copying. Further copies of the same row are free, so that repeating it gives it away.
    """
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    rng = tables.rng(_DRAW)
    features = RowFeatures.fit(tables.train_rows, tables.schema)
    rows = min(MOST_ROWS, len(tables.train), len(tables.synthetic))
    points = np.vstack(
        [features.transform(at_most(table, rows, rng)) for table in (tables.train_rows, tables.synthetic_rows)]
    )
    synthetic = np.repeat([0, 1], rows)
    groups = _pair_copies(points[:rows], points[rows:])
    if rows < FOLDS:
        return DetectionScores(synthetic, {})
    folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=tables.seed).split(points, synthetic, groups))
    scores = {
        name: cross_val_predict(classifier, points, synthetic, cv=folds, method="predict_proba")[:, 1]
        for name, classifier in _classifiers(tables.seed).items()
    }
    return DetectionScores(synthetic, scores)


def detection_metrics(tables: SynthesisTables) -> dict[str, float]:
    """`auc`, `logistic_auc` and `forest_auc` of synthetic against real training rows; see `DetectionScores.metrics`."""
    return {name: float(values[0]) for name, values in detection_scores(tables).metrics().items()}


def _pair_copies(real: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """int64 [2 * rows]: each real point's own group, shared by one equal synthetic point where there is one."""
    waiting: dict[bytes, list[int]] = {}
    for index, point in enumerate(real):
        waiting.setdefault(point.tobytes(), []).append(index)
    groups = np.arange(len(real) + len(synthetic))
    for index, point in enumerate(synthetic, start=len(real)):
        if equals := waiting.get(point.tobytes()):
            groups[index] = equals.pop()
    return groups


def _classifiers(seed: int) -> dict[str, Any]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    return {
        "logistic": LogisticRegression(max_iter=1000),
        "forest": RandomForestClassifier(50, min_samples_leaf=2, random_state=seed),
    }
