"""The synthesizers from hospitals to rows, as a user runs them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dp_accounting
import numpy as np
import pandas as pd
import pytest
from dp_accounting.pld import PLDAccountant
from marginal_example import SCHEMA, make_rows

from data.errors import DataError, SettingsError
from data.federation import Federation
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.context import execution_context
from tff_health.synthesis.generator_file import load_generator, save_generator
from tff_health.synthesis.marginals import rounds
from tff_health.synthesis.marginals.independent_marginals import IndependentMarginals
from tff_health.synthesis.marginals.label_effects import LabelEffects
from tff_health.synthesis.marginals.label_histograms import LabelHistograms
from tff_health.synthesis.marginals.marginal_tree import MarginalTree
from tff_health.synthesis.marginals.settings import MarginalSynthesizer
from tff_health.synthesis.synthesizer import ReleaseLostError

ALL: list[MarginalSynthesizer] = [IndependentMarginals(), LabelHistograms(), LabelEffects(), MarginalTree()]
LABELLED = ALL[1:]
ROWS = make_rows(400, seed=8)
FIVE = [ROWS[:1], ROWS[1:120], ROWS[120:200], ROWS[200:216], ROWS[216:]]
kinds = pytest.mark.parametrize("synthesizer", ALL, ids=lambda s: s.kind)


@pytest.fixture(scope="module", autouse=True)
def one_worker() -> Iterator[None]:
    """Keeps the worker between fits, which open their own contexts."""
    with execution_context("test"):
        yield


def arrays_of(synthesizer: MarginalSynthesizer, hospitals: list[np.ndarray]) -> Mapping[str, np.ndarray]:
    return synthesizer.fit(SCHEMA, hospitals, seed=0).generator.arrays()


@kinds
@pytest.mark.parametrize("noise", [None, 1.5])
def test_rows_are_valid_and_seeds_hold(synthesizer: MarginalSynthesizer, noise: float | None) -> None:
    steps: list[tuple[int, int]] = []
    fitted = replace(synthesizer, noise_multiplier=noise).fit(
        SCHEMA, FIVE, seed=1, progress=lambda done, of, _: steps.append((done, of))
    )
    frame = fitted.generator.sample(300, seed=5)
    assert len(SCHEMA.check(frame, "sampled")) == 300  # bounds, whole numbers, codes, no missing target
    pd.testing.assert_frame_equal(frame, fitted.generator.sample(300, seed=5))
    assert not frame.equals(fitted.generator.sample(300, seed=6))
    assert 0 < len(steps) <= len(synthesizer.rounds)
    assert fitted.facts["rounds"] == len(synthesizer.rounds)
    if noise is None:
        assert 0.02 < frame["age"].isna().mean() < 0.25
        assert not frame["sex"].isna().any()


@kinds
def test_one_hospital_five_and_five_identical_ones_tell_the_same(synthesizer: MarginalSynthesizer) -> None:
    pooled, five, identical = (
        arrays_of(synthesizer, hospitals) for hospitals in ([np.concatenate([ROWS] * 5)], [*FIVE * 5], [ROWS] * 5)
    )
    for name, values in pooled.items():
        np.testing.assert_allclose(five[name], values, atol=1e-9)
        np.testing.assert_allclose(identical[name], values, atol=1e-9)


@kinds
def test_conditions_are_met_in_every_row(synthesizer: MarginalSynthesizer) -> None:
    generator = replace(synthesizer, noise_multiplier=3.0).fit(SCHEMA, FIVE, seed=0).generator
    frame = generator.sample(150, {"sex": "female", "sick": 1, "pain": "atypical"}, seed=2)
    assert (frame["sex"] == 0).all()
    assert (frame["sick"] == 1).all()
    assert (frame["pain"] == 2).all()


@pytest.mark.parametrize("synthesizer", LABELLED, ids=lambda s: s.kind)
def test_conditions_shape_the_other_columns(synthesizer: MarginalSynthesizer) -> None:
    generator = synthesizer.fit(SCHEMA, [make_rows(4000, seed=2)], seed=0).generator
    sick, healthy = (generator.sample(2000, {"sick": code}, seed=2) for code in (1, 0))
    assert sick["vessels"].mean() - healthy["vessels"].mean() > 0.8
    none, typical = (generator.sample(2000, {"pain": label}, seed=2) for label in ("none", "typical"))
    assert none["sick"].mean() - typical["sick"].mean() > 0.3  # backwards, by Bayes' rule
    assert none["vessels"].mean() > typical["vessels"].mean() + 0.2  # and on through the label


def test_independent_columns_are_independent() -> None:
    frame = IndependentMarginals().fit(SCHEMA, [ROWS], seed=0).generator.sample(4000, seed=1)
    assert abs(frame["vessels"].corr(frame["sick"].astype(float))) < 0.08


def test_the_tree_keeps_what_the_label_does_not_explain() -> None:
    """`pressure` follows `age`; within a label no other synthesizer here knows."""
    rows = make_rows(1500, seed=3, missing=0.05)
    within = []
    for synthesizer in (LabelEffects(), MarginalTree(), MarginalTree(noise_multiplier=0.5)):
        fitted = synthesizer.fit(SCHEMA, [rows[:700], rows[700:]], seed=0)
        frame = fitted.generator.sample(2000, {"sick": 0}, seed=1)
        within.append(frame["age"].corr(frame["pressure"]))
        if synthesizer.kind == "marginal-tree":
            assert "age" in {**fitted.generator.document()["parents"]} | {
                parent: child for child, parent in fitted.generator.document()["parents"].items()
            }
    assert abs(within[0]) < 0.15
    assert within[1] > 0.5
    assert within[2] > 0.5


@kinds
def test_saved_generators_sample_the_same_rows(synthesizer: MarginalSynthesizer, tmp_path: Path) -> None:
    generator = synthesizer.fit(SCHEMA, FIVE, seed=0).generator
    save_generator(generator, tmp_path / "generator.npz")
    loaded = load_generator(tmp_path / "generator.npz")
    assert loaded.kind == synthesizer.kind
    pd.testing.assert_frame_equal(loaded.sample(50, seed=3), generator.sample(50, seed=3))
    parts = dict(generator.arrays())
    parts["column/age"] = parts["column/age"][:, :, :-1]
    with pytest.raises(DataError, match="again"):
        type(generator).from_parts(SCHEMA, generator.document(), parts)
    with pytest.raises(DataError, match="again"):
        type(generator).from_parts(SCHEMA, {}, generator.arrays())


@kinds
def test_all_rounds_together_cost_one_gaussian_release(synthesizer: MarginalSynthesizer) -> None:
    assert synthesizer.event() is None
    event = replace(synthesizer, noise_multiplier=2.0).event()
    spent = PLDAccountant().compose(event).get_epsilon(1e-5)
    one = PLDAccountant().compose(dp_accounting.GaussianDpEvent(2.0)).get_epsilon(1e-5)
    assert spent == pytest.approx(one, rel=1e-3)
    assert sum(synthesizer.shares) == pytest.approx(1.0)
    assert len(synthesizer.shares) == len(synthesizer.rounds)


@kinds
@pytest.mark.parametrize("placement", ["shared", "each-hospital"])
def test_what_is_released_is_what_the_event_says(
    synthesizer: MarginalSynthesizer, placement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    real = rounds.release_marginals

    def watched(query: Any, matrices: Any, **options: Any) -> np.ndarray:
        assert options["placement"] == placement
        seen.append(options["noise_multiplier"])
        return real(query, matrices, **options)

    monkeypatch.setattr(rounds, "release_marginals", watched)
    private = replace(synthesizer, noise_multiplier=0.05, placement=placement)
    private.fit(SCHEMA, [make_rows(800, seed=1)], seed=0)
    event = private.event()
    assert isinstance(event, dp_accounting.ComposedDpEvent)
    assert seen == [part.noise_multiplier for part in event.events]


def test_noise_does_not_come_from_the_seed() -> None:
    private = LabelEffects(noise_multiplier=1.0)
    first, second = (arrays_of(private, FIVE) for _ in range(2))
    assert not np.allclose(first["column/age"], second["column/age"])


@contextlib.contextmanager
def checkpoints(folder: Path) -> Iterator[CheckpointStore]:
    store = CheckpointStore(folder, "one fit")
    try:
        yield store
    finally:
        store.close()


def test_a_fit_that_goes_on_releases_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = MarginalTree(noise_multiplier=0.2)
    made: list[int] = []
    real = rounds.release_marginals

    def counted(query: Any, matrices: Any, **options: Any) -> np.ndarray:
        made.append(query.size)
        return real(query, matrices, **options)

    def stop_after_the_first(done: int, of: int, losses: Mapping[str, float]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rounds, "release_marginals", counted)
    with checkpoints(tmp_path) as store, pytest.raises(KeyboardInterrupt):
        private.fit(SCHEMA, FIVE, seed=0, progress=stop_after_the_first, checkpoints=store)
    with checkpoints(tmp_path) as store:
        first = private.fit(SCHEMA, FIVE, seed=0, checkpoints=store)
    assert 2 <= len(made) <= 3  # one, then the second and, where the tree has an edge, the third
    assert made[0] not in made[1:]
    before = len(made)
    with checkpoints(tmp_path) as store:
        second = private.fit(SCHEMA, FIVE, seed=0, checkpoints=store)
    assert len(made) == before
    np.testing.assert_array_equal(
        first.generator.arrays()["column/pressure"], second.generator.arrays()["column/pressure"]
    )


def test_a_release_that_was_stopped_half_way_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(query: Any, matrices: Any, **options: Any) -> np.ndarray:
        raise KeyboardInterrupt

    private = LabelEffects(noise_multiplier=1.0)
    with monkeypatch.context() as patched:
        patched.setattr(rounds, "release_marginals", stopped)
        with checkpoints(tmp_path) as store, pytest.raises(KeyboardInterrupt):
            private.fit(SCHEMA, FIVE, seed=0, checkpoints=store)
    with checkpoints(tmp_path) as store, pytest.raises(ReleaseLostError, match="stopped during its release 1"):
        private.fit(SCHEMA, FIVE, seed=0, checkpoints=store)


@kinds
@pytest.mark.parametrize("noise", [None, 2.0])
def test_tables_with_holes_are_fitted(synthesizer: MarginalSynthesizer, noise: float | None) -> None:
    """One class only, a column that is never seen, one that is constant, a single row."""
    rows = make_rows(60, seed=4)
    rows[:, -1] = 0
    rows[:, 0] = np.nan
    rows[:, 3] = 1
    for hospitals in ([rows[:30], rows[30:]], [rows[:1]]):
        frame = replace(synthesizer, noise_multiplier=noise).fit(SCHEMA, hospitals, seed=0).generator.sample(40, seed=1)
        SCHEMA.check(frame, "sampled")
        if noise is None:
            assert frame["age"].isna().mean() > 0.95 or len(hospitals) == 1
            assert (frame["sex"] == 1).all()


@pytest.mark.parametrize(
    ("cls", "options", "match"),
    [
        (LabelHistograms, {"noise_multiplier": 0.0}, "noise_multiplier"),
        (LabelHistograms, {"noise_multiplier": float("nan")}, "noise_multiplier"),
        (LabelHistograms, {"placement": "server"}, "placement"),
        (IndependentMarginals, {"bins": 1}, "bins"),
        (LabelEffects, {"groups": 1}, "groups"),
        (LabelEffects, {"marginal_share": 1.0}, "marginal_share"),
        (MarginalTree, {"score_share": 0.6, "edge_share": 0.3}, "budget"),
    ],
)
def test_impossible_settings_are_refused(cls: Any, options: dict[str, Any], match: str) -> None:
    with pytest.raises(SettingsError, match=match):
        cls(**options)


def test_rows_without_target_are_refused() -> None:
    rows = ROWS.copy()
    rows[3, -1] = np.nan
    with pytest.raises(DataError, match="target"):
        LabelEffects().fit(SCHEMA, [rows], seed=0)
    with pytest.raises(DataError, match="row"):
        LabelEffects().fit(SCHEMA, [np.empty((0, 6))], seed=0)


def test_settings_need_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from tff_health.synthesis.marginals.marginal_tree import MarginalTree\n"
        "from tff_health.synthesis.marginals.label_effects import LabelEffects\n"
        "MarginalTree(noise_multiplier=1.0), LabelEffects(noise_multiplier=1.0)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_cleveland_at_epsilon_one(cleveland: Callable[..., Federation]) -> None:
    """On real patients the effects keep what the plain histograms lose: mean of three classifiers over four splits.

    Six draws of noise a split: between single ones the difference, .035 on average, moves by .04.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def auc(frame: pd.DataFrame, held_out: pd.DataFrame, schema: Any) -> float:
        train, test = (schema.encode(f) for f in (frame, held_out))
        fill = np.nanmedian(train, axis=0)
        train, test = (np.where(np.isnan(matrix), fill, matrix) for matrix in (train, test))
        models = (LogisticRegression(), GaussianNB(), RandomForestClassifier(50, random_state=0))
        scores = []
        for model in models:
            chosen = make_pipeline(StandardScaler(), model).fit(train[:, :-1], train[:, -1])
            scores.append(roc_auc_score(test[:, -1], chosen.predict_proba(test[:, :-1])[:, 1]))
        return float(np.mean(scores))

    found: dict[str, list[float]] = {"label-effects": [], "label-histograms": []}
    for split in range(100, 104):
        federation = cleveland(split_seed=split, seed=split)
        held_out = pd.concat([h.test for h in federation.scored], ignore_index=True)
        matrices = [federation.schema.encode(h.train) for h in federation.members]
        for synthesizer in (LabelEffects(noise_multiplier=3.7322), LabelHistograms(noise_multiplier=3.7322)):
            for _ in range(6):
                generator = synthesizer.fit(federation.schema, matrices, seed=split).generator
                found[synthesizer.kind].append(auc(generator.sample(242, seed=split), held_out, federation.schema))
    assert np.mean(found["label-effects"]) > 0.82
    assert np.mean(found["label-effects"]) > np.mean(found["label-histograms"])
