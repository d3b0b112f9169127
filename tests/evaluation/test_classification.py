"""The built-in metrics against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from tff_health.evaluation.classification import (
    DESCRIPTIONS,
    classification_metrics,
    confusion_matrix,
    weighted_auc,
    weighted_metrics,
)
from tff_health.evaluation.predictions import PredictionsError

SCORE = st.one_of(st.floats(1e-6, 1 - 1e-6), st.sampled_from([0.1, 0.25, 0.5, 0.7, 0.9]))  # the second one ties
PATIENTS = st.lists(st.tuples(st.integers(0, 1), SCORE, st.integers(0, 4)), min_size=1, max_size=40)


def reference_ece(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Bin by bin, as Guo et al. write it."""
    total = 0.0
    for index in range(10):
        inside = (np.floor(scores * 10) == index) | ((index == 9) & (scores == 1))
        if weights[inside].sum() > 0:
            gap = np.average(labels[inside], weights=weights[inside]) - np.average(
                scores[inside], weights=weights[inside]
            )
            total += weights[inside].sum() / weights.sum() * abs(gap)
    return total


@given(patients=PATIENTS, threshold=st.sampled_from([0.0, 0.25, 0.5, 0.83, 1.0]))
@settings(max_examples=200, deadline=None)
def test_weighted_metrics_are_scikit_learns(patients: list[tuple[int, float, int]], threshold: float) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*patients, strict=True))
    if weights.sum() == 0:
        weights = weights + 1
    ours = {
        name: value[0]
        for name, value in weighted_metrics(labels, scores, threshold, weights[np.newaxis].astype(float)).items()
    }
    drawn = np.repeat(np.arange(len(labels)), weights)
    y, p = labels[drawn], scores[drawn]
    called = (p >= threshold).astype(int)
    positives, negatives = y.sum(), (1 - y).sum()
    assert ours["loss"] == pytest.approx(sk.log_loss(y, p, labels=[0, 1]))
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(y, called))
    assert ours["brier"] == pytest.approx(np.mean((y - p) ** 2))
    assert ours["ece"] == pytest.approx(reference_ece(y, p, np.ones(len(y))), abs=1e-12)
    if positives and negatives:
        assert ours["auc"] == pytest.approx(sk.roc_auc_score(y, p))
    else:
        assert np.isnan(ours["auc"])
    expected = sk.recall_score(y, called, zero_division=np.nan)
    assert ours["sensitivity"] == pytest.approx(expected, nan_ok=True)
    expected = sk.recall_score(y, called, pos_label=0, zero_division=np.nan)
    assert ours["specificity"] == pytest.approx(expected, nan_ok=True)
    assert ours["f1"] == pytest.approx(sk.f1_score(y, called, zero_division=np.nan), nan_ok=True)
    np.testing.assert_array_equal(confusion_matrix(y, p, threshold), sk.confusion_matrix(y, called, labels=[0, 1]))
    unweighted = classification_metrics(y, p, threshold)
    assert list(unweighted) == list(ours) == list(DESCRIPTIONS)
    for name, value in unweighted.items():
        assert value == pytest.approx(ours[name], nan_ok=True)


def test_auc_of_many_weightings_at_once() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 60), np.round(rng.random(60), 1)
    weights = rng.integers(0, 3, (50, 60)).astype(float)
    expected = [sk.roc_auc_score(labels, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(weighted_auc(labels, scores, weights), expected, rtol=1e-12)


def test_certainty_costs_no_infinity() -> None:
    right = classification_metrics([0, 1], [0.0, 1.0])
    wrong = classification_metrics([1, 0], [0.0, 1.0])
    assert right["loss"] == pytest.approx(0, abs=1e-6)
    assert wrong["loss"] == pytest.approx(-np.log(1e-7))
    assert (right["auc"], wrong["auc"], right["ece"], wrong["ece"]) == (1, 0, 0, 1)


def test_equal_scores_are_a_coin_toss() -> None:
    assert classification_metrics([0, 1, 1, 0, 1], [0.3] * 5)["auc"] == 0.5


def test_one_class_and_one_patient() -> None:
    single = classification_metrics([1], [0.8])
    assert (single["accuracy"], single["sensitivity"], single["f1"]) == (1, 1, 1)
    assert np.isnan(single["auc"])
    assert np.isnan(single["specificity"])
    nobody = classification_metrics([0, 0], [0.1, 0.2])
    assert (nobody["accuracy"], nobody["specificity"]) == (1, 1)
    assert np.isnan([nobody["auc"], nobody["sensitivity"], nobody["f1"]]).all()


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "at least one"),
        ([0, 2], [0.1, 0.2], "0 or 1"),
        ([0, np.nan], [0.1, 0.2], "0 or 1"),
        ([0, 1], [0.1, np.nan], "patient 2, seed 1.*diverged"),
        ([0, 1], [0.1, 3.0], "between 0 and 1"),
        ([0, 1], [0.1, np.inf], "between 0 and 1"),
        ([0, 1], [0.1], "shape"),
    ],
)
def test_what_cannot_be_scored_is_said_clearly(labels: list[float], scores: list[float], message: str) -> None:
    with pytest.raises(PredictionsError, match=message):
        classification_metrics(labels, scores)
