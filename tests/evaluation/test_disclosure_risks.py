"""Singling out, linkability and inference: against anonymeter where it is right, by hand, and on known generators."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from data.errors import SettingsError, UnknownNameError
from data.schema import Column, Schema
from tff_health.evaluation.disclosure.estimate import (
    Estimate,
    residual_risk,
    share_estimate,
    undefined,
    wilson_interval,
)
from tff_health.evaluation.disclosure.inference import guessed, inference_metrics
from tff_health.evaluation.disclosure.linkability import linkability_metrics, linked
from tff_health.evaluation.disclosure.metrics import GROUPS, disclosure_metrics
from tff_health.evaluation.disclosure.singling_out import singled_out, singling_out_metrics

NAMES = ("a", "b", "c", "d")
SCHEMA = Schema(
    (
        *(Column(name, "continuous", bounds=(0, 1)) for name in NAMES),
        Column("kind", "categorical", codebook={1: "one", 2: "two", 3: "three"}),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)


def population(rows, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.random((rows, 4)), columns=list(NAMES))
    frame.iloc[:2, :4] = [[0.0] * 4, [1.0] * 4]  # so that anonymeter scales as the public range does
    frame["kind"] = pd.Series(rng.integers(1, 4, rows), dtype=object)
    frame["ill"] = pd.Series((frame["a"] + 0.3 * rng.normal(size=rows) > 0.5).astype(int), dtype=object)
    if missing:
        for name in (*NAMES, "kind"):
            frame.loc[rng.random(rows) < missing, name] = np.nan
    return frame


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (199, 200)])
def test_wilson_equals_scipy(hits, trials):
    expected = binomtest(hits, trials).proportion_ci(method="wilson")
    assert wilson_interval(hits / trials, trials) == pytest.approx((expected.low, expected.high))


def risk(attack, attacked, control, controls):
    return residual_risk(share_estimate(attack, attacked), share_estimate(control, controls))


def test_risk_by_hand():
    assert risk(0.6, 100, 0.2, 50).value == pytest.approx(0.5)
    assert risk(0.2, 50, 0.6, 100).value == pytest.approx(-0.5)  # the roles exchanged
    equal = risk(0.8, 242, 0.8, 60)
    assert equal.value == 0
    assert equal.low < 0 < equal.high
    one, other = risk(0.7, 90, 0.4, 60), risk(0.4, 60, 0.7, 90)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_risk_of_many_attacks_is_anonymeter_s():
    from anonymeter.stats.confidence import EvaluationResults

    theirs = EvaluationResults((200_000,) * 3, 120_000, 0, 40_000).risk()
    ours = risk(0.6, 200_000, 0.2, 200_000)
    assert ours.value == pytest.approx(theirs.value, abs=1e-4)
    assert (ours.low, ours.high) == pytest.approx(theirs.ci, abs=1e-4)


@pytest.mark.parametrize(("attack", "control", "value"), [(0, 0, 0), (1, 0, 1), (0, 1, -1), (1, 0.5, 1), (0.5, 1, -1)])
def test_risk_at_the_ends(attack, control, value):
    found = risk(attack, 40, control, 20)
    assert found.value == pytest.approx(value)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.05


def test_risk_is_undefined_where_every_attack_succeeds():
    assert risk(1, 40, 1, 20).value is None
    assert "nothing more to learn" in risk(1, 40, 1, 20).note
    assert residual_risk(undefined("No rows."), share_estimate(0, 5)).note == "No rows."
    assert Estimate(0.5, 0.1, 0.9).to_dict() == {"value": 0.5, "low": 0.1, "high": 0.9, "note": ""}


def test_risk_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    for attack, control in ((0.3, 0.3), (0.9, 0.9), (0.05, 0.05), (0.6, 0.2)):
        truth = (attack - control) / (1 - control)
        found = [risk(rng.binomial(242, attack) / 242, 242, rng.binomial(60, control) / 60, 60) for _ in range(400)]
        assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.92


@pytest.mark.slow  # anonymeter compiles its distance
def test_links_are_those_of_anonymeter():
    from anonymeter.evaluators.linkability_evaluator import LinkabilityEvaluator

    train, synthetic = population(60, 0), population(80, 1)
    synthetic.iloc[2:40] = train.iloc[2:40].to_numpy()
    parts = (["a", "b", "kind"], ["c", "d"])
    theirs = LinkabilityEvaluator(
        train.astype({"kind": str}), synthetic.astype({"kind": str}), parts, n_attacks=60, n_neighbors=2
    )
    theirs.evaluate(n_jobs=1)
    ours = linked(train, synthetic, SCHEMA, parts, 2)
    assert ours.sum() == theirs.results().n_success
    assert ours[2:40].all()
    metrics = linkability_metrics(train, population(60, 2), synthetic, SCHEMA, parts=parts)
    assert metrics["risk"].low > 0.4
    assert metrics["baseline"].value == pytest.approx(1 / 80)


def test_linkability_of_two_columns_by_hand():
    rows = pd.DataFrame({"a": [0.0, 0.5, 1.0], "b": [0.0, 0.5, 1.0]})
    synthetic = pd.DataFrame({"a": [0.1, 0.6, 0.9], "b": [0.1, 0.9, 0.6]})
    assert linked(rows, synthetic, SCHEMA, (["a"], ["b"]), 1).tolist() == [True, False, False]
    assert linked(rows, synthetic, SCHEMA, (["a"], ["b"]), 2).tolist() == [True, True, True]


@pytest.mark.parametrize("metrics", [linkability_metrics, inference_metrics])
def test_distances_to_all_rows_are_never_held_at_once(metrics, monkeypatch):
    monkeypatch.setattr("tff_health.evaluation.disclosure.gower._CELLS", 40_000)
    train, holdout, synthetic = population(800, 0), population(60, 1), population(2000, 2)
    tracemalloc.start()
    try:
        metrics(train, holdout, synthetic, SCHEMA)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 800 * 2000 * 8 / 2


def test_each_secret_is_compared_with_the_synthetic_rows_once(monkeypatch):
    calls = []

    def counting(*arguments):
        calls.append(len(arguments[1]))
        return guessed(*arguments)

    train, synthetic = population(60, 0, 0.2), population(80, 1, 0.2)
    before = np.mean([guessed(SCHEMA["kind"], synthetic["kind"], np.full(80, t, object)).mean() for t in train["kind"]])
    monkeypatch.setattr("tff_health.evaluation.disclosure.inference.guessed", counting)
    found = inference_metrics(train, population(40, 2), synthetic, SCHEMA, secret="kind")
    assert found["baseline"].value == before
    assert sorted(calls) == [40, 60, 80, 80, 80, 80]  # three codes and missing


@pytest.mark.slow
def test_guesses_are_those_of_anonymeter():
    from anonymeter.evaluators.inference_evaluator import InferenceEvaluator

    train, holdout, synthetic = population(70, 0), population(40, 1), population(90, 2)
    synthetic.iloc[2:50] = train.iloc[2:50].to_numpy()
    text = [frame.astype({"kind": str, "ill": str}) for frame in (train, holdout, synthetic)]
    theirs = InferenceEvaluator(text[0], text[2], [*NAMES, "kind"], "ill", n_attacks=100, control=text[1])
    results = theirs.evaluate(n_jobs=1).results()
    ours = inference_metrics(train, holdout, synthetic, SCHEMA)
    assert ours["attack"].value == pytest.approx(results.n_success / 70)
    assert ours["control"].value == pytest.approx(results.n_control / 40)
    shares = synthetic["ill"].value_counts(normalize=True)
    assert ours["baseline"].value == pytest.approx(shares[train["ill"]].mean())


def test_guessed_numbers_and_blanks():
    nan = float("nan")
    column = Column("st", "continuous", bounds=(-5, 5))
    guesses, truths = np.array([-1.0, -1.0, 0.0, nan, nan, 2.0]), np.array([-1.4, -3.0, 0.5, nan, 1.0, nan])
    assert guessed(column, guesses, truths).tolist() == [True, False, True, True, False, False]
    codes = np.array([1, 2, nan, nan], object), np.array([1, 3, nan, 1], object)
    assert guessed(SCHEMA["kind"], *codes).tolist() == [True, False, True, False]


def test_inference_of_a_number_from_chosen_columns():
    train = population(60, 0)
    found = inference_metrics(train, population(60, 1), train, SCHEMA, secret="d", known=["a", "b", "c"])
    assert found["attack"].value == 1
    assert found["risk"].value == 1
    assert found["baseline"].value < 0.3
    with pytest.raises(SettingsError, match="not the secret"):
        inference_metrics(train, train, train, SCHEMA, secret="d", known=["d"])
    with pytest.raises(UnknownNameError):
        inference_metrics(train, train, train, SCHEMA, secret="e")


def test_queries_that_hit_one_row():
    import polars as pl

    rows = pl.DataFrame({"c0": [1.0, 2.0, None, 4.0], "c4": ["0", "1", "1", None]})
    queries = [pl.col("c0") >= 4, pl.col("c0") >= 2, pl.col("c0").is_null(), (pl.col("c4") == "1") & (pl.col("c0") < 9)]
    assert singled_out(rows, queries).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("mode", ["univariate", "multivariate"])
def test_a_copier_singles_out_and_strangers_do_not(mode):
    train, holdout, fresh = population(120, 0, 0.05), population(60, 1, 0.05), population(120, 2, 0.05)
    copied, independent = (
        singling_out_metrics(train, holdout, rows, SCHEMA, mode=mode, rng=np.random.default_rng(0), attacks=200)
        for rows in (train, fresh)
    )
    assert copied["risk"].low > 0.3
    assert independent["risk"].low < 0 < independent["risk"].high
    again = singling_out_metrics(train, holdout, train, SCHEMA, mode=mode, rng=np.random.default_rng(0), attacks=200)
    assert again == copied


def test_strangers_risks_are_zero_on_average():
    values: dict[str, list[float]] = {}
    for seed in range(12):
        tables = (population(90, 3 * seed), population(40, 3 * seed + 1), population(90, 3 * seed + 2))
        for name, found in disclosure_metrics(
            *tables, SCHEMA, rng=np.random.default_rng(seed), groups=GROUPS[1:], attacks=100
        ).items():
            if name.endswith("/risk") and found.value is not None:
                values.setdefault(name, []).append(found.value)
    assert len(values) == 4
    for name, risks in values.items():
        assert abs(np.mean(risks)) < 2.5 * np.std(risks, ddof=1) / np.sqrt(len(risks)) + 0.01, name


def test_small_and_odd_tables_are_undefined_not_a_crash():
    one = population(3, 0).assign(a=np.nan, kind=np.nan)
    for tables in ((one, one, one), (population(60, 0), one, one), (population(60, 0), one.head(0), one)):
        found = disclosure_metrics(*tables, SCHEMA, rng=np.random.default_rng(0))
        assert found["singling_out/risk"].value is None
        assert found["singling_out/risk"].note
    same = pd.concat([population(3, 0).head(1)] * 20, ignore_index=True)
    equal = disclosure_metrics(same, same, same, SCHEMA, rng=np.random.default_rng(0))
    assert equal["singling_out/risk"].value == 0
    assert equal["disclosure/dcr_share"].value == pytest.approx(0.5)
    assert equal["linkability/risk"].value is None  # all are linked, strangers too
    empty = disclosure_metrics(population(30, 0), population(30, 1), one.head(0), SCHEMA, rng=np.random.default_rng(0))
    assert {value.value for value in empty.values()} == {None}
    with pytest.raises(UnknownNameError, match="linkability"):
        disclosure_metrics(one, one, one, SCHEMA, rng=np.random.default_rng(0), groups=["linkabilty"])


def test_cleveland_with_sixty_held_out_patients(cleveland):
    federation = cleveland(split_seed=1)
    train, holdout = (
        pd.concat([getattr(hospital, part) for hospital in federation.hospitals], ignore_index=True)
        for part in ("train", "test")
    )
    copies = train.sample(len(train), replace=True, random_state=0)
    found = disclosure_metrics(train, holdout, copies, federation.schema, rng=np.random.default_rng(0))
    assert found["disclosure/dcr_share"].low > 0.9
    assert found["disclosure/exact_copies"].value == 1
    assert found["disclosure/near_copies_holdout"].value == pytest.approx(0.05, abs=0.02)
    for group in GROUPS[1:]:
        assert found[f"{group}/risk"].low > 0.2, group
    assert found == disclosure_metrics(train, holdout, copies, federation.schema, rng=np.random.default_rng(0))
    half = holdout.sample(frac=0.5, random_state=0)
    fair = disclosure_metrics(
        train, holdout.drop(half.index), half, federation.schema, rng=np.random.default_rng(0), attacks=200
    )
    assert fair["disclosure/dcr_share"].low < 0.5 < fair["disclosure/dcr_share"].high
    for group in GROUPS[1:]:
        assert fair[f"{group}/risk"].low < 0.1, group
