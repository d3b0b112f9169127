"""Detection: real rows pass for real, shuffled, repeated and misplaced ones do not; copying does not hide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from data.catalogue import load_dataset
from tff_health.evaluation.synthesis.detection import detection_metrics, detection_scores
from tff_health.evaluation.synthesis.tables import SynthesisTables

FEDERATION = load_dataset("breast_cancer", {}, seed=0)
ROWS = pd.concat([hospital.train for hospital in FEDERATION.hospitals]).sample(400, random_state=0)
REAL, OTHERS = ROWS.iloc[:200], ROWS.iloc[200:]


def tables(synthetic: pd.DataFrame, seed: int = 0) -> SynthesisTables:
    return SynthesisTables(REAL, OTHERS, synthetic, FEDERATION.schema, seed)


def test_other_real_patients_are_not_detected() -> None:
    values = detection_metrics(tables(OTHERS))
    assert list(values) == ["auc", "logistic_auc", "forest_auc"]
    assert all(0.5 <= value < 0.62 for value in values.values())
    assert values == detection_metrics(tables(OTHERS))
    assert values["auc"] == max(values["logistic_auc"], values["forest_auc"])


def test_columns_drawn_apart_from_each_other_are_detected() -> None:
    rng = np.random.default_rng(0)
    shuffled = OTHERS.apply(lambda column: rng.permutation(column.to_numpy()))
    scores = detection_scores(tables(shuffled))
    assert detection_metrics(tables(shuffled))["forest_auc"] > 0.9
    area = roc_auc_score(scores.synthetic, scores.scores["forest"])
    assert scores.metrics()["forest_auc"][0] == pytest.approx(area)
    halved = scores.metrics(np.where(np.arange(400) % 2 == 0, 1.0, 0.0)[np.newaxis])
    assert halved["forest_auc"][0] == pytest.approx(roc_auc_score(scores.synthetic[::2], scores.scores["forest"][::2]))


def test_exact_copies_pass_and_a_few_rows_over_and_over_do_not() -> None:
    assert detection_metrics(tables(REAL))["auc"] < 0.6
    assert detection_metrics(tables(REAL.iloc[[0, 1, 2, 3] * 50]))["auc"] > 0.9
    assert detection_metrics(tables(OTHERS.iloc[[0] * 200]))["auc"] > 0.95


def test_missing_cells_alone_are_detected() -> None:
    gaps = OTHERS.copy()
    gaps.iloc[::2, 0] = np.nan
    assert detection_metrics(tables(gaps))["auc"] > 0.7


def test_only_as_many_synthetic_rows_count_as_there_are_real_ones() -> None:
    many = pd.concat([OTHERS] * 5)
    assert len(detection_scores(tables(many)).synthetic) == 400


def test_too_few_rows_are_not_defined() -> None:
    assert all(np.isnan(value) for value in detection_metrics(tables(OTHERS.head(4))).values())
    assert np.isfinite(detection_metrics(tables(OTHERS.head(5)))["auc"])
