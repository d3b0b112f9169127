"""Precision, recall, density and coverage: against the definitions written out, and on rows with known faults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.catalogue import load_dataset
from tff_health.evaluation.synthesis import coverage
from tff_health.evaluation.synthesis.coverage import coverage_metrics, coverage_terms
from tff_health.evaluation.synthesis.features import RowFeatures
from tff_health.evaluation.synthesis.tables import SynthesisTables

NAMES = ("precision", "recall", "density", "coverage")


def means(real: np.ndarray, synthetic: np.ndarray, neighbours: int = 5) -> dict[str, float]:
    return {name: float(terms.mean()) for name, terms in coverage_terms(real, synthetic, neighbours).items()}


def by_definition(real: np.ndarray, synthetic: np.ndarray, k: int) -> dict[str, float]:
    def radius(points: np.ndarray, index: int) -> float:
        others = np.delete(points, index, axis=0)
        return float(np.sort(np.linalg.norm(others - points[index], axis=1))[k - 1])

    real_radii = [radius(real, index) for index in range(len(real))]
    synthetic_radii = [radius(synthetic, index) for index in range(len(synthetic))]
    distance = [[float(np.linalg.norm(r - s)) for s in synthetic] for r in real]
    n, m = range(len(real)), range(len(synthetic))
    return {
        "precision": sum(any(distance[i][j] <= real_radii[i] for i in n) for j in m) / len(m),
        "recall": sum(any(distance[i][j] <= synthetic_radii[j] for j in m) for i in n) / len(n),
        "density": sum(distance[i][j] <= real_radii[i] for i in n for j in m) / (k * len(m)),
        "coverage": sum(any(distance[i][j] <= real_radii[i] for j in m) for i in n) / len(n),
    }


@pytest.mark.parametrize("block", [7, 500])
def test_equals_the_definitions(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "_BLOCK", block)
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(40, 3)), rng.normal(0.7, 1.3, size=(30, 3))
    for k in (1, 5):
        assert means(real, synthetic, k) == pytest.approx(by_definition(real, synthetic, k))


def test_equal_distributions_give_what_theory_says() -> None:
    rng = np.random.default_rng(1)
    values = means(rng.normal(size=(1500, 4)), rng.normal(size=(1500, 4)))
    assert values["density"] == pytest.approx(1, abs=0.06)
    assert values["coverage"] == pytest.approx(1 - 2**-5, abs=0.015)


def test_collapse_costs_recall_and_noise_costs_precision() -> None:
    rng = np.random.default_rng(2)
    real = np.concatenate([rng.normal(-5, 1, (100, 2)), rng.normal(5, 1, (100, 2))])
    one_mode = means(real, rng.normal(5, 1, (200, 2)))
    assert one_mode["precision"] > 0.9
    assert one_mode["recall"] < 0.55
    assert one_mode["coverage"] < 0.55
    point = means(real, np.repeat(real[:1], 200, axis=0))
    assert point["precision"] == 1
    assert point["recall"] == 1 / 200
    wide = means(real, rng.uniform(-40, 40, (200, 2)))
    assert wide["precision"] < 0.2
    assert wide["density"] < 0.1


def test_too_few_points_are_not_defined() -> None:
    rng = np.random.default_rng(0)
    assert all(np.isnan(value) for value in means(rng.normal(size=(50, 2)), rng.normal(size=(5, 2))).values())
    assert np.isfinite(list(means(rng.normal(size=(50, 2)), rng.normal(size=(6, 2))).values())).all()


def test_a_mismatched_code_weighs_as_much_as_an_independent_number_and_missing_is_apart() -> None:
    federation = load_dataset("patient_cohort", {}, seed=0)
    schema = federation.schema.select(["age", "diagnosis", "heart_disease"])
    rows = schema.encode(federation.hospitals[0].train)
    features = RowFeatures.fit(rows, schema)
    points = features.transform(rows)
    numbers = points[:, 0]
    assert numbers.mean() == pytest.approx(0)
    assert np.mean((numbers[:, None] - numbers) ** 2) == pytest.approx(2)
    base = np.array([[50.0, 0, 0], [50.0, 1, 0], [50.0, np.nan, 0], [np.nan, 0, 0]])
    first, code, no_code, no_age = features.transform(base)
    assert np.sum((first - code) ** 2) == np.sum((first - no_code) ** 2) == 2
    assert np.sum((first - no_age) ** 2) == pytest.approx(1 + first[0] ** 2)
    assert np.isfinite(RowFeatures.fit(base[:1], schema).transform(base)).all()


def test_copies_of_training_rows_do_better_against_them_than_against_held_out_ones() -> None:
    federation = load_dataset("breast_cancer", {}, seed=0)
    rows = pd.concat([hospital.train for hospital in federation.hospitals]).sample(400, random_state=1)
    train, test, others = rows.iloc[:150], rows.iloc[150:300], rows.iloc[300:]
    copies = coverage_metrics(SynthesisTables(train, test, train, federation.schema))
    assert list(copies) == [f"{against}/{name}" for against in ("train", "test") for name in NAMES]
    assert all(copies[f"train/{name}"] == 1 for name in ("precision", "recall", "coverage"))
    assert copies["test/precision"] < 1
    fresh = coverage_metrics(SynthesisTables(train, test, others, federation.schema))
    assert fresh["train/precision"] == pytest.approx(fresh["test/precision"], abs=0.12)
    many = pd.concat([train, others])
    repeated = [coverage_metrics(SynthesisTables(train, test, many, federation.schema, seed)) for seed in (3, 3, 4)]
    assert repeated[0] == repeated[1] != repeated[2]
