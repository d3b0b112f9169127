"""Fidelity: SDMetrics' numbers, and no reward for missing cells or constant columns."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
from sdmetrics.single_column import KSComplement, MissingValueSimilarity, TVComplement

from data.catalogue import load_dataset
from data.schema import Schema
from tff_health.evaluation.synthesis.fidelity import (
    compare,
    contingency_similarities,
    correlation_similarities,
    fidelity_metrics,
)
from tff_health.evaluation.synthesis.tables import SynthesisTables


@pytest.fixture(scope="module")
def cohort() -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
    federation = load_dataset("patient_cohort", {}, seed=0)
    first, second = (hospital.train for hospital in federation.hospitals[:2])
    return first, second, federation.schema


def test_equals_sdmetrics_where_nothing_is_missing(cohort: tuple[pd.DataFrame, pd.DataFrame, Schema]) -> None:
    real, synthetic, schema = cohort
    values = fidelity_metrics(SynthesisTables(real, real, synthetic, schema))
    for name in ("age", "risk"):
        assert values[f"ks/{name}"] == pytest.approx(KSComplement.compute(real[name], synthetic[name]))
    for name in ("sex", "diagnosis"):
        assert values[f"tv/{name}"] == pytest.approx(TVComplement.compute(real[name], synthetic[name]))
    rows = schema.encode(real), schema.encode(synthetic)
    for pair, value in correlation_similarities(*rows, schema).items():
        columns = list(pair)
        assert value == pytest.approx(CorrelationSimilarity.compute(real[columns], synthetic[columns]))
    tables = contingency_similarities(*rows, schema)
    numeric = {column.name for column in schema.columns if column.is_numeric}
    assert len(tables) == 15  # 21 pairs less 6 of numeric columns
    for pair, value in tables.items():
        columns = list(pair)
        binned = [name for name in columns if name in numeric]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SDMetrics assigns to a slice
            theirs = ContingencySimilarity.compute(
                real[columns], synthetic[columns], continuous_column_names=binned or None
            )
        assert value == pytest.approx(theirs), pair
    for measure in ("ks", "tv", "missing"):
        by_column = [value for name, value in values.items() if name.startswith(f"{measure}/")]
        assert values[measure] == pytest.approx(np.mean(by_column))
    assert values["correlation"] == pytest.approx(np.mean(list(correlation_similarities(*rows, schema).values())))


def test_the_same_rows_are_wholly_faithful_and_shuffled_columns_lose_pairs_only(
    cohort: tuple[pd.DataFrame, pd.DataFrame, Schema],
) -> None:
    real, _, schema = cohort
    rows = schema.encode(real)
    same = compare(rows, rows, schema)
    assert all(value == pytest.approx(1) for value in same.values())
    tied = rows.copy()
    tied[:, 3] = np.sort(tied[:, 3])  # cholesterol and risk rise together
    tied[:, 5] = np.sort(tied[:, 5])
    shuffled = np.random.default_rng(0).permuted(tied, axis=0)
    lost = compare(tied, shuffled, schema)
    assert lost["ks"] == lost["tv"] == pytest.approx(1)
    assert correlation_similarities(tied, shuffled, schema)["cholesterol", "risk"] < 0.6
    assert lost["contingency"] < 0.97


def test_missing_cells_are_seen(cohort: tuple[pd.DataFrame, pd.DataFrame, Schema]) -> None:
    real, synthetic, schema = cohort
    gaps = real.copy()
    gaps.loc[:149, "diagnosis"] = np.nan
    gaps.loc[:99, "age"] = np.nan
    values = compare(schema.encode(gaps), schema.encode(synthetic), schema)
    assert values["missing/age"] == pytest.approx(MissingValueSimilarity.compute(gaps["age"], synthetic["age"]))
    assert values["missing/age"] == pytest.approx(2 / 3)
    # Half of the real codes are a category that the synthetic rows lack.
    assert values["tv/diagnosis"] <= 0.5
    assert values["ks/age"] == pytest.approx(KSComplement.compute(gaps["age"], synthetic["age"]))
    assert contingency_similarities(schema.encode(gaps), schema.encode(synthetic), schema)["sex", "diagnosis"] <= 0.5


def test_a_generator_gains_nothing_by_constant_or_empty_columns(
    cohort: tuple[pd.DataFrame, pd.DataFrame, Schema],
) -> None:
    real, synthetic, schema = cohort
    rows, collapsed = schema.encode(real), schema.encode(synthetic)
    collapsed[:, 0] = 50  # one age
    collapsed[:, 2] = np.nan  # no blood pressure
    values = compare(rows, collapsed, schema)
    assert values["ks/systolic_bp"] == 0
    assert values["missing/systolic_bp"] == 0
    assert values["ks/age"] < 0.6
    correlation = np.corrcoef(rows[:, 0], rows[:, 3])[0, 1]
    pairs = correlation_similarities(rows, collapsed, schema)
    assert pairs["age", "cholesterol"] == pytest.approx(1 - abs(correlation) / 2)
    assert len(pairs) == 6


def test_correlations_take_the_rows_that_have_both_cells(cohort: tuple[pd.DataFrame, pd.DataFrame, Schema]) -> None:
    real, synthetic, schema = cohort
    rng = np.random.default_rng(1)
    rows, others = schema.encode(real), schema.encode(synthetic)
    for table in (rows, others):
        table[rng.random(table.shape) < 0.3] = np.nan
    pairs = correlation_similarities(rows, others, schema)
    assert len(pairs) == 6
    for pair, value in pairs.items():
        columns = [schema.names.index(name) for name in pair]
        ours, theirs = (table[:, columns] for table in (rows, others))
        correlations = [np.corrcoef(both[~np.isnan(both).any(axis=1)].T)[0, 1] for both in (ours, theirs)]
        assert value == pytest.approx(1 - abs(correlations[0] - correlations[1]) / 2, abs=1e-12), pair


def test_what_real_rows_leave_undefined_is_left_out() -> None:
    schema = load_dataset("breast_cancer", {}, seed=0).schema.select(["mean radius", "diagnosis"])
    rows = np.array([[12.0, 0], [15.0, 1], [np.nan, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = compare(rows, rows[:1], schema)
        empty = compare(np.array([[np.nan, 0], [np.nan, 1]]), rows, schema)
    assert np.isnan(values["correlation"])
    assert np.isnan(empty["ks"])
    assert "ks/mean radius" not in empty
    assert empty["missing/mean radius"] == pytest.approx(1 / 3)
