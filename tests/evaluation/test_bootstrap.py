"""Intervals: reproducible, stratified, of the right length, honest where they cannot be computed."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from data.errors import UnknownNameError
from tff_health.evaluation.bootstrap import evaluate, paired_difference, patient_weights
from tff_health.evaluation.classification import DESCRIPTIONS, classification_metrics
from tff_health.evaluation.predictions import PredictionsError


def patients(n: int, seed: int, seeds: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A calibrated model of some use: labels [n] drawn with probability `scores` [seeds, n]."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n) * 1.5
    labels = (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(int)
    return labels, 1 / (1 + np.exp(-(risk + 0.3 * rng.normal(size=(seeds, n)))))


def test_values_are_means_over_seeds_and_inside_their_intervals() -> None:
    labels, scores = patients(200, 0, seeds=3)
    intervals = evaluate(labels, scores, [0.4, 0.5, 0.6], rng=np.random.default_rng(1))
    assert list(intervals)[: len(DESCRIPTIONS)] == list(DESCRIPTIONS)
    by_seed = [classification_metrics(labels, s, t) for s, t in zip(scores, (0.4, 0.5, 0.6), strict=True)]
    for name in DESCRIPTIONS:
        interval = intervals[name]
        assert interval.value == pytest.approx(np.mean([metrics[name] for metrics in by_seed]))
        assert (interval.n, interval.seeds, interval.usable) == (200, 3, 1000)
        if name != "ece":  # its value is biased upwards, see calibration.py
            assert interval.low < interval.value < interval.high


def test_equal_generators_give_equal_intervals() -> None:
    labels, scores = patients(80, 1, seeds=2)
    one, two, other = (evaluate(labels, scores, rng=np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one == two
    assert one != other


def test_patients_are_drawn_within_their_hospital() -> None:
    hospitals = np.array(["a"] * 30 + ["b"] * 5 + ["c"])
    weights = patient_weights(36, 200, np.random.default_rng(0), hospitals)
    np.testing.assert_array_equal(weights[:, :30].sum(axis=1), 30)
    np.testing.assert_array_equal(weights[:, 30:35].sum(axis=1), 5)
    np.testing.assert_array_equal(weights[:, 35], 1)
    assert weights[:, :30].var(axis=0).mean() == pytest.approx(1 - 1 / 30, rel=0.15)  # multinomial
    unstratified = patient_weights(36, 200, np.random.default_rng(0))
    assert len(np.unique(unstratified[:, :30].sum(axis=1))) > 3


def test_stratification_removes_the_variance_between_hospitals() -> None:
    labels = np.ones(60, int)
    scores = np.repeat([0.9, 0.1], 30)  # one hospital always right, the other always wrong
    hospitals = np.repeat(["a", "b"], 30)
    rng = np.random.default_rng(0)
    stratified = evaluate(labels, scores, rng=rng, hospitals=hospitals, metrics=["accuracy"])["accuracy"]
    plain = evaluate(labels, scores, rng=rng, metrics=["accuracy"])["accuracy"]
    assert (stratified.low, stratified.high) == (0.5, 0.5)
    assert plain.high - plain.low > 0.2


def test_seeds_that_disagree_widen_the_interval() -> None:
    labels, scores = patients(300, 2)
    alike = np.repeat(scores, 5, axis=0)
    bad = alike.copy()
    bad[3:] = 0.5 + 0.2 * (bad[3:] - 0.5) * np.array([[1], [-1]])
    one, five, mixed = (
        evaluate(labels, s, rng=np.random.default_rng(3), metrics=["auc"])["auc"] for s in (scores, alike, bad)
    )
    assert five.high - five.low == pytest.approx(one.high - one.low, rel=0.15)
    assert mixed.high - mixed.low > 1.5 * (one.high - one.low)


@pytest.mark.parametrize("metric", ["accuracy", "auc", "brier", "sensitivity"])
def test_intervals_cover_the_truth(metric: str) -> None:
    """200 samples of 120 patients: 95 % intervals must cover 88 to 99 % (measured: 93 to 96 %)."""
    labels, scores = patients(200_000, 3)
    truth = classification_metrics(labels, scores[0])[metric]
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        rows = rng.integers(len(labels), size=120)
        interval = evaluate(labels[rows], scores[0, rows], rng=rng, resamples=300, metrics=[metric])[metric]
        covered += interval.low <= truth <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


@pytest.mark.parametrize("sharpness", [1.0, 2.5], ids=["calibrated", "miscalibrated"])
def test_calibration_intervals_cover_the_truth(sharpness: float) -> None:
    """A percentile interval covers the calibrated model's ECE in 0 % of samples (measured here: 97 and 85 %)."""
    rng = np.random.default_rng(5)
    logit = 1.5 * rng.normal(size=200_000)
    scores = 1 / (1 + np.exp(-logit))
    labels = (rng.random(len(logit)) < 1 / (1 + np.exp(-sharpness * logit))).astype(int)
    truth = classification_metrics(labels, scores)["ece"]
    covered = 0
    for _ in range(150):
        rows = rng.integers(len(labels), size=150)
        interval = evaluate(labels[rows], scores[rows], rng=rng, resamples=300, metrics=["ece"])["ece"]
        covered += interval.low <= truth <= interval.high
    assert covered / 150 >= 0.78


def test_a_confidently_wrong_model_is_not_called_calibrated() -> None:
    labels = np.random.default_rng(6).integers(0, 2, 300)
    interval = evaluate(labels, np.where(labels == 1, 0.05, 0.95), rng=np.random.default_rng(7))["ece"]
    assert interval.low > 0.9


def test_undefined_resamples_are_dropped_and_counted() -> None:
    labels = np.array([1] + [0] * 9)
    interval = evaluate(labels, np.linspace(1, 0.1, 10), rng=np.random.default_rng(0), metrics=["auc"])["auc"]
    # The only positive is left out of a resample with probability .9 ** 10 = .35.
    assert 580 < interval.usable < 720
    assert f"Undefined in {1000 - interval.usable} of 1000 resamples" in interval.note
    assert interval.value == 1.0


def test_one_class_and_one_patient() -> None:
    intervals = evaluate([1], [0.8], rng=np.random.default_rng(0), resamples=20)
    assert intervals["accuracy"].to_dict() == {
        "value": 1.0,
        "low": 1.0,
        "high": 1.0,
        "n": 1,
        "seeds": 1,
        "resamples": 20,
        "usable": 20,
    }
    assert "no width" in intervals["accuracy"].note
    auc = intervals["auc"]
    assert math.isnan(auc.value)
    assert auc.usable == 0
    assert "not defined" in auc.note
    assert json.loads(json.dumps(auc.to_dict(), allow_nan=False))["low"] is None


def test_a_difference_is_paired() -> None:
    """Two arms that are alike on hard and easy patients differ by far less than each varies."""
    labels, scores = patients(250, 8, seeds=2)
    worse = np.clip(scores - 0.02, 0, 1)
    rng = np.random.default_rng(9)
    difference = paired_difference(labels, scores, worse, "brier", rng=rng)
    alone = [evaluate(labels, s, rng=rng, metrics=["brier"])["brier"] for s in (scores, worse)]
    assert difference.value == pytest.approx(alone[0].value - alone[1].value)
    assert difference.high - difference.low < 0.3 * (alone[0].high - alone[0].low)
    nothing = paired_difference(labels, scores, scores, "auc", rng=rng)
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_a_difference_finds_the_better_arm_whatever_the_seeds() -> None:
    labels, scores = patients(400, 10, seeds=3)
    noise = np.random.default_rng(11).random((1, 400))
    difference = paired_difference(labels, scores, noise, "auc", rng=np.random.default_rng(12))
    assert difference.low > 0.1
    assert difference.seeds == 1


def test_thresholds_matter_to_a_difference() -> None:
    labels, scores = patients(200, 13)
    difference = paired_difference(labels, scores, scores, "accuracy", rng=np.random.default_rng(0), thresholds_b=1.0)
    expected = np.mean((scores[0] >= 0.5) == labels) - np.mean(labels == 0)
    assert difference.value == pytest.approx(expected)


def test_wrong_input_is_refused() -> None:
    labels, scores = patients(20, 14, seeds=2)
    rng = np.random.default_rng(0)
    broken = scores.copy()
    broken[1, 4] = np.nan
    with pytest.raises(PredictionsError, match="patient 5, seed 2"):
        evaluate(labels, broken, rng=rng)
    with pytest.raises(PredictionsError, match="Hospitals"):
        evaluate(labels, scores, rng=rng, hospitals=["a"])
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        evaluate(labels, scores, rng=rng, metrics=["acuracy"])
    with pytest.raises(ValueError, match="one a seed"):
        evaluate(labels, scores, [0.5, 0.5, 0.5], rng=rng)
    with pytest.raises(ValueError, match="resamples"):
        evaluate(labels, scores, rng=rng, resamples=0)
