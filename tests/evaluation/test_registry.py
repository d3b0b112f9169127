"""Users' own metrics: registered by name, evaluated with the same bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from tff_health.evaluation.bootstrap import evaluate, paired_difference
from tff_health.evaluation.predictions import MetricError, Predictions
from tff_health.evaluation.registry import METRICS, metric_descriptions, register_metric

RNG_SEED = 3
LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1])
SCORES = np.array([[0.1, 0.8, 0.4, 0.3, 0.9, 0.6, 0.2, 0.7], [0.2, 0.6, 0.6, 0.1, 0.9, 0.4, 0.4, 0.3]])


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "registered", {})


def test_a_users_metric_gets_the_same_interval_as_the_built_in_one() -> None:
    @register_metric("my_accuracy")
    def my_accuracy(predictions: Predictions) -> float:
        """Share classified correctly, written again.

        More text.
        """
        return float(np.mean(predictions.predicted == predictions.labels))

    intervals = evaluate(LABELS, SCORES, [0.5, 0.35], rng=np.random.default_rng(RNG_SEED))
    assert list(intervals)[-1] == "my_accuracy"
    for part in ("value", "low", "high", "usable"):
        assert getattr(intervals["my_accuracy"], part) == pytest.approx(getattr(intervals["accuracy"], part))
    assert metric_descriptions()["my_accuracy"] == "Share classified correctly, written again"
    rng = np.random.default_rng
    mine = paired_difference(LABELS, SCORES[0], SCORES[1], "my_accuracy", rng=rng(1))
    theirs = paired_difference(LABELS, SCORES[0], SCORES[1], "accuracy", rng=rng(1))
    assert (mine.value, mine.low, mine.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def test_a_metric_sees_each_patients_hospital() -> None:
    @register_metric("worst-hospital")
    def worst(predictions: Predictions) -> float:
        hits = predictions.predicted == predictions.labels
        assert predictions.hospital is not None
        return float(min(hits[predictions.hospital == h].mean() for h in np.unique(predictions.hospital)))

    hospitals = ["a"] * 4 + ["b"] * 4
    interval = evaluate(
        LABELS, SCORES[0], rng=np.random.default_rng(0), hospitals=hospitals, metrics=["worst-hospital"], resamples=50
    )["worst-hospital"]
    assert interval.value == 0.75
    assert 0 <= interval.low <= interval.high <= 1


def test_nan_drops_a_resample() -> None:
    @register_metric("needs_first")
    def needs_first(predictions: Predictions) -> float:
        return float("nan") if 0.1 not in predictions.scores else 1.0

    interval = evaluate(LABELS, SCORES[0], rng=np.random.default_rng(0), metrics=["needs_first"])["needs_first"]
    assert 560 < interval.usable < 750  # 1 - (7/8) ** 8 = .66


def test_a_metric_that_fails_is_named() -> None:
    @register_metric("broken")
    def broken(predictions: Predictions) -> float:
        return 1 / 0

    with pytest.raises(MetricError, match="'broken' failed with ZeroDivisionError"):
        evaluate(LABELS, SCORES, rng=np.random.default_rng(0), resamples=5)
