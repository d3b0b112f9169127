from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from tff_health.reporting.answer import summary, verdicts
from tff_health.reporting.comparison import paired_difference
from tff_health.reporting.curves import bootstrap_weights, roc_curves
from tff_health.reporting.record import Run, RunRecord, load_run


@pytest.fixture
def run(example: Path) -> Run:
    return load_run(example)


def test_auc_equals_scikit_learn_with_ties_and_weights():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 80)
    scores = np.round(generator.uniform(size=80), 1)
    weights = bootstrap_weights(80, 20, seed=1)
    assert weights.sum(axis=1) == pytest.approx(np.full(20, 80))
    expected = [roc_auc_score(labels, scores, sample_weight=row) for row in weights]
    assert roc_curves(labels, scores, weights).area == pytest.approx(expected)
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    curve = roc_curves(labels, scores)
    assert curve.false_positive_rate[0] == pytest.approx(false)
    assert curve.true_positive_rate[0] == pytest.approx(true)


def test_auc_of_one_class_is_undefined():
    assert np.isnan(roc_curves(np.ones(5, int), np.arange(5.0)).area).all()


@pytest.mark.parametrize("metric", ["accuracy", "auc"])
def test_difference_is_that_of_the_table_and_its_interval_holds_it(run: Run, metric: str):
    record = run.record("heart_disease")
    found = paired_difference(record, "fedyogi", "alone", metric)  # type: ignore[arg-type]
    arms = record.dataset.arms
    expected = arms["fedyogi"].metric(f"test/{metric}").value - arms["alone"].metric(f"test/{metric}").value  # type: ignore[operator]
    assert found is not None
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.low < found.value < found.high
    assert found.outcome == "better"
    assert found.patients == sum(count.test for count in record.dataset.hospitals.values())


def test_an_arm_does_not_differ_from_itself(run: Run):
    found = paired_difference(run.record("paper_mock"), "pooled", "pooled", "accuracy")
    assert found is not None
    assert (found.value, found.low, found.high, found.outcome) == (0, 0, 0, "unclear")


def test_pairing_is_narrower_than_two_separate_intervals(run: Run):
    record = run.record("heart_disease")
    found = paired_difference(record, "fedyogi", "pooled", "accuracy")
    arms = record.dataset.arms
    separate = 1.96 * np.sqrt(
        sum(
            (v := arms[name].metric("test/accuracy")).value * (1 - v.value) / v.n  # type: ignore[operator]
            for name in ("fedyogi", "pooled")
        )
    )
    assert found is not None
    assert found.high - found.low < 2 * separate


def _with_parts(record: RunRecord) -> RunRecord:
    """`alone` as runs write it: one model for each hospital, under `alone/NAME`, one of them untrained."""
    rows = record.predictions
    alone = rows[rows["arm"] == "alone"]
    parts = [alone.assign(arm=f"alone/{name}") for name in ("a", "b")]
    untrained = alone.assign(arm="alone/c", score=np.nan)
    return replace(record, predictions=pd.concat([rows[rows["arm"] != "alone"], *parts, untrained]))


def test_alone_counts_as_the_mean_of_its_models(run: Run):
    record = run.record("heart_disease")
    plain = paired_difference(record, "fedyogi", "alone", "accuracy")
    parts = paired_difference(_with_parts(record), "fedyogi", "alone", "accuracy")
    assert plain is not None
    assert parts is not None
    assert (parts.value, parts.low, parts.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_no_difference_is_claimed_where_predictions_do_not_allow_it(run: Run):
    record = run.record("heart_disease")
    rows = record.predictions
    twice = replace(record, predictions=pd.concat([rows, rows[rows["arm"] == "alone"]]))
    fewer = replace(record, predictions=rows[(rows["arm"] != "alone") | (rows["hospital"] != "va")])
    other = replace(record, predictions=rows.assign(score=rows["score"].where(rows["arm"] != "alone", 0.9)))
    none = replace(record, predictions=rows[rows["arm"] != "alone"])
    for changed in (twice, fewer, other, none):
        assert paired_difference(changed, "fedyogi", "alone", "accuracy") is None


def test_answer_names_real_data_first_and_is_short(run: Run):
    found = verdicts(run)
    assert [verdict.kind for verdict in found] == ["real", "simulated"]
    text = summary(found)
    assert text.startswith("Compared with a hospital training alone, the federation is more accurate on UCI Heart")
    assert text.count(". ") + 1 <= 3
    accuracy = run.results.datasets["heart_disease"].arms["fedyogi"].metric("test/accuracy")
    assert f"{accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})" in found[0].sentence


def test_without_predictions_the_intervals_decide(run: Run):
    bare = replace(run, predictions=run.predictions.iloc[:0])
    verdict = verdicts(bare)[0]
    assert verdict.alone is not None
    assert verdict.alone.difference is None
    assert "do not overlap, so joining pays" in verdict.sentence


def test_a_federation_that_loses_is_said_to_lose(run: Run):
    dataset = run.results.datasets["heart_disease"]
    dataset.arms["fedyogi"], dataset.arms["alone"] = (
        dataset.arms["alone"].model_copy(update={"federated": True}),
        dataset.arms["fedyogi"].model_copy(update={"federated": False}),
    )
    verdict = verdicts(replace(run, predictions=run.predictions.iloc[:0]))[0]
    assert verdict.outcome == "worse"
    assert "a hospital does better alone" in verdict.sentence
    assert "is less accurate on UCI Heart Disease" in summary([verdict])


def test_the_best_single_hospital_is_a_yardstick_of_its_own(run: Run):
    dataset = run.results.datasets["heart_disease"]
    dataset.arms["alone/cleveland"] = dataset.arms["pooled"].model_copy(update={"title": "cleveland alone"})
    dataset.arms["alone/va"] = dataset.arms["paper-listing"].model_copy(update={"title": "va alone"})
    rows = run.predictions
    own = [
        rows[(rows["dataset"] == "heart_disease") & (rows["arm"] == source)].assign(arm=name)
        for source, name in (("pooled", "alone/cleveland"), ("paper-listing", "alone/va"))
    ]
    verdict = verdicts(replace(run, predictions=pd.concat([rows, *own])))[0]
    assert verdict.best_alone is not None
    assert verdict.pooled is not None
    assert verdict.best_alone.name == "alone/cleveland"
    assert verdict.best_alone.difference == verdict.pooled.difference
    assert "the best of them (cleveland alone)" in verdict.sentence
    assert "Against the best single hospital it is" in summary([verdict])


def test_a_clear_but_tiny_gain_is_called_small(run: Run):
    record = run.record("heart_disease")
    rows = record.predictions
    better = rows[rows["arm"] == "alone"].copy()
    wrong = (better["score"] >= 0.5) != (better["label"] == 1)
    # Two patients, wrong under both seeds, become right: a gain of less than one point.
    keys = better[wrong].groupby(["hospital", "patient"]).size().loc[lambda count: count == 2].index[:2]
    mine = pd.MultiIndex.from_frame(better[["hospital", "patient"]]).isin(keys)
    better.loc[mine, "score"] = better.loc[mine, "label"].astype(float)
    gain = mine.sum() / len(better)
    arm = record.dataset.arms["alone"].model_copy(deep=True, update={"federated": True})
    arm.metrics["test/accuracy"].value += gain  # type: ignore[operator]
    record.dataset.arms["fedyogi"] = arm
    predictions = pd.concat([run.predictions[run.predictions["arm"] != "fedyogi"], better.assign(arm="fedyogi")])
    verdict = verdicts(replace(run, predictions=predictions))[0]
    assert verdict.alone is not None
    assert verdict.alone.difference is not None
    assert verdict.alone.difference.value == pytest.approx(gain)
    assert gain < 0.01
    small = "of less than one patient in a hundred" in verdict.sentence
    assert small == (verdict.alone.outcome == "better")
