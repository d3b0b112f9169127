"""Bootstrap intervals on one split: they hold the value, and are as wide as other tables scatter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.catalogue import load_dataset
from tff_health.evaluation.bootstrap import Interval
from tff_health.evaluation.synthesis.fidelity import compare
from tff_health.evaluation.synthesis.intervals import held_out_intervals, synthesis_intervals
from tff_health.evaluation.synthesis.registry import METRICS, register_synthesis_metric, synthesis_metrics
from tff_health.evaluation.synthesis.tables import SynthesisTables
from tff_health.evaluation.synthesis.utility import predict_held_out

FEDERATION = load_dataset("patient_cohort", {}, seed=0)
SCHEMA = FEDERATION.schema
ROWS = pd.concat([hospital.train for hospital in FEDERATION.hospitals], ignore_index=True)
TABLES = SynthesisTables(ROWS[:150], ROWS[150:250], ROWS[250:400], SCHEMA)


def width(interval: Interval) -> float:
    return interval.high - interval.low


def test_every_metric_has_an_interval_that_holds_its_value() -> None:
    values = synthesis_metrics(TABLES)
    intervals = synthesis_intervals(TABLES, resamples=60)
    assert list(intervals) == list(values)
    for name, interval in intervals.items():
        assert interval.value == pytest.approx(values[name]), name
        # Bounded measures can lie at their bound, where the shifted resamples are cut off.
        assert interval.low <= interval.value + 1e-9, name
        assert interval.high >= interval.value - 1e-9, name
        assert interval.usable == 60, name
    for name in ("tstr/mean/auc", "fidelity/ks", "coverage/train/recall", "collapse/entropy_ratio"):
        assert 0.001 < width(intervals[name]) < 0.5, name
    assert intervals["tstr/mean/auc"].n == 100
    again = synthesis_intervals(TABLES, ["tstr", "fidelity"], resamples=60)
    assert all(interval == intervals[name] for name, interval in again.items())


def test_utility_intervals_cover_what_other_held_out_patients_give() -> None:
    intervals = synthesis_intervals(TABLES, ["tstr"], resamples=400)
    others = [
        synthesis_metrics(SynthesisTables(TABLES.train, ROWS[start : start + 100], TABLES.synthetic, SCHEMA), ["tstr"])
        for start in range(400, 1400, 100)
    ]
    for name in ("tstr/mean/accuracy", "tstr/mean/auc"):
        spread = np.std([values[name] for values in others], ddof=1)
        # 95 % are about four standard deviations wide; ten patients' tables give the latter to a quarter.
        assert 2 < width(intervals[name]) / spread < 8, name


def test_fidelity_intervals_are_as_wide_as_fresh_tables_scatter() -> None:
    interval = synthesis_intervals(TABLES, ["fidelity"], resamples=200)["fidelity/contingency"]
    rows = SCHEMA.encode(SCHEMA.check(ROWS, "cohort"))
    rng = np.random.default_rng(0)
    fresh = []
    for _ in range(60):
        order = rng.permutation(len(rows))
        fresh.append(compare(rows[order[:150]], rows[order[150:300]], SCHEMA)["contingency"])
    assert 2 < width(interval) / np.std(fresh) < 8
    assert abs(interval.value - np.mean(fresh)) < 4 * np.std(fresh)


def test_users_metrics_are_redrawn_and_nan_drops_a_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "registered", {})

    @register_synthesis_metric("age")
    def age(tables: SynthesisTables) -> dict[str, float]:
        drawn = tables.synthetic_rows
        first = bool((drawn[:, 5] == TABLES.synthetic_rows[0, 5]).any())
        return {"mean": drawn[:, 0].mean(), "first": 1.0 if first else float("nan")}

    intervals = synthesis_intervals(TABLES, ["age"], resamples=100)
    error = TABLES.synthetic_rows[:, 0].std() / np.sqrt(150)
    assert width(intervals["age/mean"]) == pytest.approx(2 * 1.96 * error, rel=0.3)
    assert intervals["age/first"].low == intervals["age/first"].high == 1
    assert 45 < intervals["age/first"].usable < 80  # 1 - 1/e of 100


def test_predictions_have_the_intervals_of_their_table_and_share_the_drawn_patients() -> None:
    fast = ("logistic-regression", "svc-linear")
    predictions = predict_held_out(TABLES.synthetic, TABLES.test, SCHEMA, classifiers=fast)
    rng = np.random.default_rng
    found = held_out_intervals(predictions, rng(0), resamples=100)
    assert found == held_out_intervals(predictions, rng(0), resamples=100)
    expected = predictions.metrics()
    assert list(found) == list(expected)
    for name, interval in found.items():
        assert interval.value == pytest.approx(expected[name][0])
        assert interval.low < interval.value < interval.high, name
    assert found["mean/auc"].n == 100
    with pytest.raises(ValueError, match="resamples"):
        held_out_intervals(predictions, rng(0), resamples=0)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="resamples"):
        synthesis_intervals(TABLES, ["tstr"], resamples=0)
    with pytest.raises(ValueError, match="level"):
        synthesis_intervals(TABLES, ["tstr"], level=95)
