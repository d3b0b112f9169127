"""Train on synthetic, test on real: the seven classifiers, their controls, and training tables that teach nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from data.catalogue import load_dataset
from data.errors import DataError, SettingsError, UnknownNameError
from data.federation import Federation
from data.heart_disease_schema import ALL_FEATURES, RAW_COLUMNS
from data.schema import Schema
from tff_health.evaluation.synthesis.classifiers import CLASSIFIERS, build_classifier
from tff_health.evaluation.synthesis.tables import SynthesisTables
from tff_health.evaluation.synthesis.utility import (
    predict_held_out,
    train_and_test,
    training_note,
    utility_metrics,
)


def pooled(federation: Federation, part: str) -> pd.DataFrame:
    return pd.concat([getattr(hospital, part) for hospital in federation.hospitals], ignore_index=True)


@pytest.fixture(scope="module")
def breast() -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
    federation = load_dataset("breast_cancer", {}, seed=0)
    return pooled(federation, "train"), pooled(federation, "test"), federation.schema


def test_real_breast_cancer_rows_are_learnt_and_scored_as_scikit_learn_scores(
    breast: tuple[pd.DataFrame, pd.DataFrame, Schema],
) -> None:
    train, test, schema = breast
    scores = train_and_test(train, test, schema, seed=1)
    assert list(scores) == [*CLASSIFIERS, "mean"]
    assert scores["mean"]["accuracy"] > 0.92
    assert scores["mean"]["auc"] > 0.97
    predictions = predict_held_out(train, test, schema, seed=1)
    for name in CLASSIFIERS:
        accuracy = accuracy_score(predictions.truth, predictions.called[name])
        assert scores[name]["accuracy"] == pytest.approx(accuracy)
        assert scores[name]["auc"] == pytest.approx(roc_auc_score(predictions.truth, predictions.scores[name]))
    for measure in ("accuracy", "auc"):
        assert scores["mean"][measure] == pytest.approx(np.mean([scores[name][measure] for name in CLASSIFIERS]))
    assert scores == train_and_test(train, test, schema, seed=1)


def test_cleveland_gives_the_level_that_others_measured(real_data: Path) -> None:
    raw = pd.read_csv(
        real_data / "heart_disease" / "processed.cleveland.data", header=None, names=list(RAW_COLUMNS), na_values="?"
    )
    rows = ALL_FEATURES.check(raw.assign(condition=(raw["num"] > 0).astype(int)), "Cleveland")
    means = []
    for split in range(5):
        train, test = train_test_split(rows, test_size=0.2, stratify=rows["condition"].astype(int), random_state=split)
        means.append(list(train_and_test(train, test, ALL_FEATURES)["mean"].values()))
    # Splits differ by .03; over 120 of them the means are .829 and .899.
    assert np.mean(means, axis=0) == pytest.approx([0.827, 0.897], abs=0.005)


def test_four_hospitals_with_columns_that_hardly_anyone_measured(real_data: Path) -> None:
    federation = load_dataset("heart_disease", {"protocol": "all_features"}, data_dir=real_data, seed=0)
    for hospital in federation.hospitals:
        scores = train_and_test(hospital.train, pooled(federation, "test"), federation.schema)
        assert all(np.isfinite(list(values.values())).all() for values in scores.values()), hospital.name


def test_synthetic_rows_that_are_real_do_as_well_and_those_with_wrong_labels_do_not(
    breast: tuple[pd.DataFrame, pd.DataFrame, Schema],
) -> None:
    train, test, schema = breast
    half = train.sample(len(train) // 2, random_state=0)
    flipped = half.copy()
    flipped[schema.target] = flipped[schema.target].map({0: 1, 1: 0}).astype(object)
    rest = train.drop(half.index)
    good, bad = SynthesisTables(rest, test, half, schema), SynthesisTables(rest, test, flipped, schema)
    fast = ("logistic-regression", "knn")
    real = utility_metrics(good, "trtr", fast)
    assert real == utility_metrics(bad, "trtr", fast)
    assert abs(utility_metrics(good, "tstr", fast)["mean/auc"] - real["mean/auc"]) < 0.03
    assert utility_metrics(bad, "tstr", fast)["mean/auc"] < 0.1
    # Half of the rows contradict the other half.
    assert utility_metrics(bad, "augmented", fast)["mean/auc"] < utility_metrics(good, "augmented", fast)["mean/auc"]
    both = train_and_test(pd.concat([rest, half]), test, schema, classifiers=fast)
    assert utility_metrics(good, "augmented", fast)["knn/auc"] == pytest.approx(both["knn"]["auc"])


def test_one_class_calls_everybody_that_and_says_so(breast: tuple[pd.DataFrame, pd.DataFrame, Schema]) -> None:
    train, test, schema = breast
    positive = schema[schema.target].codes[1]
    one_class = train[train[schema.target] == positive]
    scores = train_and_test(one_class, test, schema)
    share = (test[schema.target] == positive).mean()
    assert all(values == {"accuracy": pytest.approx(share), "auc": 0.5} for values in scores.values())
    note = predict_held_out(one_class, test, schema).note
    assert f"{schema.target} = {schema.positive_label}" in note
    assert training_note(train, schema) == ""


def test_tiny_empty_and_constant_columns_train(breast: tuple[pd.DataFrame, pd.DataFrame, Schema]) -> None:
    train, test, schema = breast
    tiny = pd.concat([train[train[schema.target] == code].head(1) for code in schema[schema.target].codes])
    assert 0 < train_and_test(tiny, test, schema)["mean"]["accuracy"] < 1
    spoilt = train.head(60).copy()
    spoilt[schema.names[0]] = np.nan
    spoilt[schema.names[1]] = 15.0
    assert train_and_test(spoilt, test, schema)["mean"]["auc"] > 0.9
    one_sided = test[test[schema.target] == schema[schema.target].codes[0]]
    assert np.isnan(train_and_test(tiny, one_sided, schema)["mean"]["auc"])


def test_coded_columns_and_missing_codes_are_used() -> None:
    federation = load_dataset("patient_cohort", {}, seed=0)
    rows = pooled(federation, "train").head(400)
    # The diagnosis is made to decide the target, and a third of its codes to be missing.
    codes = federation.schema["diagnosis"].codes
    target = federation.schema["heart_disease"].codes
    sick = rows["diagnosis"] == codes[0]
    rows["heart_disease"] = pd.Series([target[int(value)] for value in sick], dtype=object)
    rows.loc[::3, "diagnosis"] = np.nan
    train, test = rows.iloc[:300], rows.iloc[300:].dropna()
    scores = train_and_test(train, test, federation.schema)
    assert scores["random-forest"]["auc"] > 0.95
    assert scores["mean"]["auc"] > 0.85


def test_bad_calls_say_what_is_wrong(breast: tuple[pd.DataFrame, pd.DataFrame, Schema]) -> None:
    train, test, schema = breast
    with pytest.raises(UnknownNameError, match="did you mean 'svc-rbf'"):
        train_and_test(train, test, schema, classifiers=["svc_rbf"])
    with pytest.raises(SettingsError, match="at least one"):
        train_and_test(train, test, schema, classifiers=[])
    with pytest.raises(DataError, match="training rows is empty"):
        train_and_test(train.head(0), test, schema)
    with pytest.raises(SettingsError, match="trained_on"):
        utility_metrics(SynthesisTables(train, test, train, schema), "real")
    assert build_classifier("knn", schema, 3)[-1].n_neighbors == 3
