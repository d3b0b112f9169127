"""The private CTGAN as a synthesizer: what it costs, that a fit releases no more, that a table comes out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import dp_accounting as dp
import numpy as np
import pytest
from bootstrap_generator import SCHEMA

from data.errors import SettingsError
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.table_codec.private_fit import fit_private_codec
from tff_health.learning.ctgan.private_settings import PrivateCtganSettings
from tff_health.privacy.calibration import noise_for_epsilon
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.context import execution_context
from tff_health.synthesis import private_ctgan_fit
from tff_health.synthesis.building import build_synthesizer
from tff_health.synthesis.ctgan_generator import CtganGenerator
from tff_health.synthesis.encoded_rows import encode_apart
from tff_health.synthesis.generator_file import load_generator, save_generator
from tff_health.synthesis.private_ctgan import PrivateCtgan
from tff_health.synthesis.released_marginals import fitted_from_json, fitted_to_json, released_marginals
from tff_health.synthesis.synthesizer import ReleaseLostError

SMALL = PrivateCtganSettings(
    rounds=3, generator_updates=5, generator_batch_size=20, latent_dim=4, generator_hidden=(8,)
)
PRIVATE = PrivateCtgan(noise_multiplier=0.5, training=SMALL)


def make_rows(rows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    sick = random.integers(0, 2, rows)
    peak = np.where(random.random(rows) < 0.2, np.nan, sick + random.normal(size=rows))
    age = np.rint(random.normal(55 + 8 * sick, 8)).clip(18, 100)
    return np.column_stack([age, random.integers(0, 2, rows), peak, random.integers(0, 3, rows), sick]).astype(float)


def one_class(rows: int) -> np.ndarray:
    table = make_rows(rows, 8)
    table[:, -1] = 1
    return table


HOSPITALS = [make_rows(60, 1), one_class(16), make_rows(0, 2)]


def test_the_event_is_the_encoding_and_every_round() -> None:
    """By hand: shares of .1 and .9 of the budget, the latter over three rounds."""
    codec = dp.GaussianDpEvent(0.5 / np.sqrt(0.1))
    step = dp.GaussianDpEvent(0.5 * np.sqrt(3 / 0.9))
    assert PRIVATE.event() == dp.ComposedDpEvent([codec, dp.SelfComposedDpEvent(step, 3)])
    sampled = replace(PRIVATE, training=replace(SMALL, sampling_rate=0.5, rounds=7), codec_share=0.2)
    step = dp.PoissonSampledDpEvent(0.5, dp.GaussianDpEvent(0.5 * 0.5 * np.sqrt(7 / 0.8)))
    codec = dp.GaussianDpEvent(0.5 / np.sqrt(0.2))
    assert sampled.event() == dp.ComposedDpEvent([codec, dp.SelfComposedDpEvent(step, 7)])
    assert replace(PRIVATE, placement="each-hospital").event() == PRIVATE.event()
    assert PrivateCtgan().event() is None


def test_the_multiplier_is_that_of_one_release_of_the_same_cost() -> None:
    alone = noise_for_epsilon(dp.GaussianDpEvent, 1.0, 1e-5)  # type: ignore[arg-type]
    whole = noise_for_epsilon(lambda z: replace(PRIVATE, noise_multiplier=z).event(), 1.0, 1e-5)  # type: ignore[arg-type, return-value]
    assert whole == pytest.approx(alone, rel=5e-3)


def test_what_runs_is_what_the_event_is_made_of() -> None:
    dp_of_rounds, statistics = PRIVATE.releases.patient_level(3), PRIVATE.releases.statistics(3)
    event: Any = PRIVATE.event()
    assert statistics.noise_multiplier == event.events[0].noise_multiplier
    assert dp_of_rounds.noise_multiplier == event.events[1].event.noise_multiplier
    assert statistics.placement == dp_of_rounds.noise == "shared"
    assert statistics.secure_sum


def test_words_name_each_releases_noise() -> None:
    """.5 / sqrt(.1) for the counts, .5 * sqrt(3 / .9) for each of three rounds; never .5, which nobody draws."""
    mechanism = PRIVATE.privacy_words()["mechanism"]
    assert "once (noise multiplier 1.58)" in mechanism
    assert "in 3 rounds (noise multiplier 0.913 each)" in mechanism
    assert "multiplier" not in PrivateCtgan().privacy_words()["mechanism"]


def test_it_comes_by_name() -> None:
    built = build_synthesizer("dp-ctgan", {"training": {"rounds": 2}, "codec_share": 0.3})
    assert built == PrivateCtgan(training=PrivateCtganSettings(rounds=2), codec_share=0.3)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(SettingsError, match='synthesizer "ctgan"'):
        PrivateCtgan(training=SMALL).fit(SCHEMA, HOSPITALS, seed=1)
    with pytest.raises(SettingsError, match="two hospitals"):
        PRIVATE.fit(SCHEMA, HOSPITALS[:1], seed=1)
    for changes in ({"noise_multiplier": 0.0}, {"codec_share": 1.0}, {"placement": "server"}, {"max_modes": 0}):
        with pytest.raises(SettingsError, match="private CTGAN"):
            replace(PRIVATE, **changes)  # type: ignore[arg-type]
    for changes in ({"rounds": 0}, {"normalisation": "batch"}, {"clip": 0.0}, {"gradient_penalty": -1.0}):
        with pytest.raises(SettingsError, match="private CTGAN"):
            replace(SMALL, **changes)  # type: ignore[arg-type]


def test_a_fit_makes_a_table_from_small_empty_and_one_class_hospitals(counted_releases: Any, tmp_path: Path) -> None:
    counted = counted_releases(private_ctgan_fit, "fit_private_codec")
    seen: list[float] = []
    fitted = replace(PRIVATE, probes=1).fit(
        SCHEMA,
        HOSPITALS,
        seed=4,
        progress=lambda done, rounds, point: seen.append(point["round"]),
        probe=lambda generator: {"probed": float(len(generator.sample(5, seed=0)))},
    )
    assert (counted.first, counted.rounds) == (1, 3)
    assert seen == [1.0, 2.0, 3.0]
    assert [point.get("probed") for point in fitted.history] == [None, None, 5.0]
    assert isinstance(fitted.generator, CtganGenerator)
    table = fitted.generator.sample(200, seed=1)
    SCHEMA.check(table, "the sample")
    assert set(fitted.generator.sample(20, {"sick": 1}, seed=1)["sick"]) == {1}
    save_generator(fitted.generator, tmp_path / "generator.npz")
    again = load_generator(tmp_path / "generator.npz").sample(200, seed=1)
    assert table.equals(again)


@pytest.mark.slow
def test_going_on_never_repeats_a_release(counted_releases: Any, tmp_path: Path) -> None:
    counted = counted_releases(private_ctgan_fit, "fit_private_codec")
    counted.die_in_round = 2
    store = CheckpointStore(tmp_path, "settings")
    with pytest.raises(counted.killed):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=4, checkpoints=store)
    assert (counted.first, counted.rounds) == (1, 2)
    saved = store.latest()
    assert saved is not None
    assert (saved.step, saved.payload["begun"]) == (1, 1)
    codec = json.loads(str(saved.payload["fitted"]))["codec"]
    fitted = PRIVATE.fit(SCHEMA, HOSPITALS, seed=4, checkpoints=store)
    # The second round was begun: it is not made again, and the encoding is the one that was released.
    assert (counted.first, counted.rounds) == (1, 3)
    assert fitted.facts["skipped_rounds"] == 1
    assert [point["round"] for point in fitted.history] == [1.0, 3.0]
    assert fitted.generator.document()["codec"] == codec
    # A finished fit is only read.
    once_more = PRIVATE.fit(SCHEMA, HOSPITALS, seed=4, checkpoints=store)
    assert (counted.first, counted.rounds) == (1, 3)
    assert once_more.facts["skipped_rounds"] == 1
    assert once_more.generator.sample(50, seed=2).equals(fitted.generator.sample(50, seed=2))


def test_a_fit_that_died_in_its_first_release_makes_no_second_one(counted_releases: Any, tmp_path: Path) -> None:
    counted = counted_releases(private_ctgan_fit, "fit_private_codec")
    counted.die_in_first = True
    store = CheckpointStore(tmp_path, "settings")
    with pytest.raises(counted.killed):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=4, checkpoints=store)
    counted.die_in_first = False
    with pytest.raises(ReleaseLostError, match="account for both"):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=4, checkpoints=store)
    assert counted.first == 1


def test_a_damaged_checkpoint_may_hide_a_release(tmp_path: Path) -> None:
    path = CheckpointStore(tmp_path, "settings").save(1, {"begun": 1})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ReleaseLostError, match="account for both"):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=4, checkpoints=CheckpointStore(tmp_path, "settings"))


def test_a_training_that_runs_away_says_so() -> None:
    wild = replace(
        SMALL, generator_updates=300, critic_learning_rate=30.0, critic_weight_decay=0.0, critic_hidden=(8, 8)
    )
    with pytest.raises(SettingsError, match="ran away"):
        replace(PRIVATE, training=wild).fit(SCHEMA, HOSPITALS, seed=4)


@pytest.mark.slow
def test_each_hospital_adds_noise_of_its_own() -> None:
    fitted = replace(PRIVATE, placement="each-hospital").fit(SCHEMA, HOSPITALS, seed=4)
    SCHEMA.check(fitted.generator.sample(50, seed=1), "the sample")


def test_marginals_come_from_the_release_and_rows_are_encoded_apart() -> None:
    with execution_context():
        fitted = fit_private_codec(SCHEMA, HOSPITALS, PrivateStatistics(1e-9, "each-hospital", 3))
    again = fitted_from_json(fitted_to_json(fitted))
    assert again.codec == fitted.codec
    assert again.counts.keys() == fitted.counts.keys()
    public = released_marginals(again, "sick")
    rows = np.concatenate(HOSPITALS)
    label = public.label_segment
    np.testing.assert_allclose(public.shares[label.start : label.stop][1], rows[:, -1].mean(), atol=1e-4)
    peak = public.numbers[1].modes
    assert public.shares[peak.stop - 1] == pytest.approx(np.isnan(rows[:, 2]).mean(), abs=1e-4)
    encoded = encode_apart(fitted.codec, HOSPITALS[0], 3, 0)
    # Another patient in one row leaves all other rows as they were.
    changed = HOSPITALS[0].copy()
    changed[10] = [20.0, 0.0, np.nan, 2.0, 0.0]
    np.testing.assert_array_equal(
        np.delete(encode_apart(fitted.codec, changed, 3, 0), 10, 0), np.delete(encoded, 10, 0)
    )
    assert encode_apart(fitted.codec, HOSPITALS[2], 3, 2).shape == (0, fitted.codec.layout.width)
