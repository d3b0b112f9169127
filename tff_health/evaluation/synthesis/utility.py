"""Utility: classifiers trained on synthetic rows and tested on real, held-out patients (TSTR), beside their controls.

`tstr`: trained on synthetic rows; `trtr`: trained on the real training rows, which is what synthetic rows have to
match; `augmented`: trained on both together, which is what synthetic rows may add. All are tested on the same held-out
patients (Esteban, Hyland and Raetsch, arXiv 1706.02633, named the scheme).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.errors import DataError, SettingsError
from data.schema import Schema
from tff_health.evaluation.classification import weighted_auc
from tff_health.evaluation.synthesis.classifiers import CLASSIFIERS, build_classifier
from tff_health.evaluation.synthesis.tables import SynthesisTables, labels

MEASURES = ("accuracy", "auc")
MEAN = "mean"


@dataclass(frozen=True, eq=False)
class HeldOutPredictions:
    """What classifiers trained on one table say about the held-out patients.

    Attributes:
        truth: int64 [patients], 1 for the positive class.
        called: by classifier, int64 [patients].
        scores: by classifier, float64 [patients]; larger means more likely positive, on the classifier's own scale.
        note: what a reader must know of the training table; empty where there is nothing.
    """

    truth: np.ndarray
    called: Mapping[str, np.ndarray]
    scores: Mapping[str, np.ndarray]
    note: str = ""

    def metrics(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Accuracy and AUC of every classifier and their means, under B weightings of the patients.

        Args:
            weights: [B, patients], how often each patient counts; None: once each, B = 1.

        Returns:
            `CLASSIFIER/accuracy`, `CLASSIFIER/auc`, then `mean/accuracy`, `mean/auc`: float64 [B]. The AUC is NaN
            where the weighted patients are of one class.
        """
        weights = np.ones((1, len(self.truth))) if weights is None else weights
        values: dict[str, np.ndarray] = {}
        for name, called in self.called.items():
            values[f"{name}/accuracy"] = weights @ (called == self.truth) / weights.sum(axis=1)
            values[f"{name}/auc"] = weighted_auc(self.truth, self.scores[name], weights)
        for measure in MEASURES:
            values[f"{MEAN}/{measure}"] = np.mean([values[f"{name}/{measure}"] for name in self.called], axis=0)
        return values


def predict_held_out(
    train: pd.DataFrame,
    test: pd.DataFrame,
    schema: Schema,
    seed: int = 0,
    classifiers: Sequence[str] | None = None,
) -> HeldOutPredictions:
    """Fits classifiers on one table and has them predict another.

    Training rows of one class train nothing: every classifier then calls that class for everybody, with equal scores
    (AUC .5), and `note` says so.

    Args:
        train: rows that passed `Schema.check`.
        test: the same.
        schema: of both.
        seed: of the random forest.
        classifiers: names out of `CLASSIFIERS`; all by default.

    Raises:
        DataError: a table has no rows.
        SettingsError: no classifier is named, or one that does not exist.
    """
    for frame, source in ((train, "training"), (test, "held-out")):
        if len(frame) == 0:
            raise DataError(f"the table of {source} rows is empty: classifiers need at least one row.")
    names = tuple(CLASSIFIERS if classifiers is None else dict.fromkeys(classifiers))
    if not names:
        raise SettingsError("classifiers is empty: name at least one.")
    known, asked = schema.encode(train), schema.encode(test)
    target = labels(known, schema)
    called: dict[str, np.ndarray] = {}
    scores: dict[str, np.ndarray] = {}
    for name in names:
        classifier = build_classifier(name, schema, len(known), seed)
        if target.min() == target.max():
            called[name], scores[name] = np.full(len(asked), target[0]), np.zeros(len(asked))
            continue
        classifier.fit(known, target)
        called[name] = classifier.predict(asked).astype(np.int64)
        scores[name] = (
            classifier.decision_function(asked)
            if hasattr(classifier, "decision_function")
            else classifier.predict_proba(asked)[:, 1]
        )
    return HeldOutPredictions(labels(asked, schema), called, scores, training_note(train, schema))


def train_and_test(
    train: pd.DataFrame,
    test: pd.DataFrame,
    schema: Schema,
    seed: int = 0,
    classifiers: Sequence[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Accuracy and AUC on `test` of classifiers trained on `train`; arguments and errors as in `predict_held_out`.

    Returns:
        Classifier -> {"accuracy", "auc"}, then `mean` of them; the AUC is NaN where `test` has one class only.
    """
    metrics = predict_held_out(train, test, schema, seed, classifiers).metrics()
    names = dict.fromkeys(name.rsplit("/", 1)[0] for name in metrics)
    return {name: {measure: float(metrics[f"{name}/{measure}"][0]) for measure in MEASURES} for name in names}


def training_note(train: pd.DataFrame, schema: Schema) -> str:
    """One sentence where the rows are too degenerate to train a classifier on; empty where they are not."""
    present = set(train[schema.target])
    if len(present) > 1:
        return ""
    label = schema[schema.target].codebook[next(iter(present))]
    return (
        f"Every training row has {schema.target} = {label}, so each classifier calls everybody that: its accuracy is "
        "that class's share of the held-out patients and its AUC .5."
    )


def utility_predictions(
    tables: SynthesisTables, trained_on: str, classifiers: Sequence[str] | None = None
) -> HeldOutPredictions:
    """Predictions for the held-out patients after training on one of the three.

    Args:
        tables: real and synthetic rows.
        trained_on: `tstr` (synthetic), `trtr` (real) or `augmented` (real and synthetic).
        classifiers: all by default.

    Raises:
        SettingsError: `trained_on` is none of the three, or a classifier does not exist.
    """
    if trained_on == "tstr":
        train = tables.synthetic
    elif trained_on == "trtr":
        train = tables.train
    elif trained_on == "augmented":
        train = pd.concat([tables.train, tables.synthetic], ignore_index=True)
    else:
        raise SettingsError(f"trained_on must be tstr, trtr or augmented, not {trained_on!r}.")
    return predict_held_out(train, tables.test, tables.schema, tables.seed, classifiers)


def utility_metrics(
    tables: SynthesisTables, trained_on: str, classifiers: Sequence[str] | None = None
) -> dict[str, float]:
    """`CLASSIFIER/accuracy`, `CLASSIFIER/auc`, ..., `mean/auc`; arguments and errors as in `utility_predictions`."""
    metrics = utility_predictions(tables, trained_on, classifiers).metrics()
    return {name: float(values[0]) for name, values in metrics.items()}
