"""A DCGAN with a guarantee for hospitals: what it costs, that a fit releases no more, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import dp_accounting as dp
import numpy as np
import pytest
from scipy.stats import norm

from data.errors import SettingsError
from data.image_federation import ImageFederation
from data.modality import load_image_dataset
from tff_health.aggregators.executed import ExecutedMismatchError
from tff_health.learning.dcgan.process import build_dcgan_process
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.gan.rounds import GanRounds
from tff_health.privacy.accountant import epsilon
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.synthesis.hospital_guarantee import HospitalGuarantee
from tff_health.synthesis.images.dcgan import Dcgan
from tff_health.synthesis.synthesizer import ReleaseLostError

SMALL = DcganSettings(
    batch_size=8,
    generator_batch_size=8,
    local_updates=2,
    generator_updates=2,
    latent_dim=4,
    generator_channels=4,
    discriminator_channels=4,
    memory="fresh",
    discriminator_normalisation="spectral",  # its vectors travel with the update, within the clip
)
PRIVATE = Dcgan(
    updates=8, training=SMALL, averaging=0, probes=0, guarantee=HospitalGuarantee(clip=0.1, noise_multiplier=3.0)
)


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.fixture(scope="module")
def federation() -> ImageFederation:
    options = {"images": 90, "test_images": 8, "validation_images": 8, "hospitals": 3, "prevalence": 0.7}
    return load_image_dataset("xray_phantom", options, seed=1)


def test_the_event_is_every_round() -> None:
    """Rounds of noise multiplier 3 are one release of 3 / sqrt(rounds), whose epsilon Balle and Wang 2018 give."""
    assert PRIVATE.event() == dp.SelfComposedDpEvent(dp.GaussianDpEvent(3.0), 4)
    assert PRIVATE.unit == "hospital"
    adaptive = replace(PRIVATE, guarantee=HospitalGuarantee(0.1, 3.0, "gaussian-adaptive"), updates=7)
    assert adaptive.event() == dp.SelfComposedDpEvent(dp.GaussianDpEvent(3.0), 4)
    many = replace(PRIVATE, updates=200)
    found = epsilon(many.event(), 1e-5).epsilon
    # arXiv 1805.06530, Theorem 8, at sensitivity 1 and standard deviation sigma.
    sigma = 3.0 / np.sqrt(100)
    a, b = 1 / (2 * sigma), found * sigma
    assert norm.cdf(a - b) - np.exp(found) * norm.cdf(-a - b) == pytest.approx(1e-5, rel=0.02)
    assert Dcgan().event() is None
    assert Dcgan().unit == "patient"


def test_a_fit_sends_noisy_means_and_nothing_else(federation: ImageFederation, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[Any] = []

    def built(*arguments: Any, **options: Any) -> Any:
        assert options["reports"] is False
        process = build_dcgan_process(*arguments, **options)

        class Process:
            initialize = staticmethod(process.initialize)

            @staticmethod
            def next(state: Any, data: Any) -> Any:
                output = process.next(state, data)
                assert len(output.metrics["client_work"]) == 0
                states.append((state, output.state))
                return output

        return Process

    monkeypatch.setattr("tff_health.learning.dcgan.process.build_dcgan_process", built)
    first = PRIVATE.fit(federation, seed=2)
    assert len(states) == PRIVATE.rounds
    # What the mean of three hospitals moved: their updates clipped to .1, and noise of .3 on the sum in every entry.
    for before, after in states:
        moved = np.concatenate(
            [
                np.ravel(new - old)
                for new, old in zip(
                    after.global_model_weights.trainable["critic"],
                    before.global_model_weights.trainable["critic"],
                    strict=True,
                )
            ]
        )
        assert moved.std() == pytest.approx(0.3 / 3, rel=4 / np.sqrt(2 * len(moved)) + 0.1 / (0.3 * 3))
    assert all("discriminator_loss" not in point and "generator_loss" in point for point in first.history)
    # Nobody was told that seven in ten have an opacity.
    assert first.generator.counts.tolist() == [1, 1]
    # Noise is fresh, whatever the seed.
    again = PRIVATE.fit(federation, seed=2)
    differences = [np.abs(a - b).max() for a, b in zip(first.generator.weights, again.generator.weights, strict=True)]
    assert max(differences) > 1e-6


def test_an_adaptive_clip_runs_as_accounted_in_both_modes(federation: ImageFederation) -> None:
    adaptive = HospitalGuarantee(0.1, 0.2, "gaussian-adaptive")  # three hospitals allow no more noise
    both = replace(PRIVATE, updates=4, guarantee=adaptive, training=replace(SMALL, mode="average-both"))
    fitted = both.fit(federation, seed=2)
    assert fitted.facts["rounds"] == 2
    assert "skipped_rounds" not in fitted.facts
    assert all(np.isfinite(values).all() for values in fitted.generator.weights)
    # Both networks are trained in hospitals, so that nobody has a loss to tell.
    assert set(fitted.history[0]) == {"round", "updates"}


def test_what_runs_otherwise_than_accounted_is_refused(
    federation: ImageFederation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = HospitalGuarantee.hospital_level

    def less_noise(own: HospitalGuarantee, hospitals: int, rounds: int = 1) -> Any:
        return replace(whole(own, hospitals, rounds), noise_multiplier=1.0)

    def accounted(*arguments: Any, privacy: Any, **options: Any) -> Any:
        return GanRounds(*arguments, privacy=replace(privacy, noise_multiplier=3.0), **options)

    monkeypatch.setattr(HospitalGuarantee, "hospital_level", less_noise)
    monkeypatch.setattr("tff_health.learning.gan.rounds.GanRounds", accounted)
    with pytest.raises(ExecutedMismatchError, match="value_noise_multiplier"):
        PRIVATE.fit(federation, seed=2)


@pytest.mark.slow
def test_a_round_that_was_begun_is_never_run_again(federation: ImageFederation, tmp_path: Path) -> None:
    def die(generator: Any) -> Mapping[str, float]:
        raise KilledError  # in round 2, before its end is written down

    with closing(CheckpointStore(tmp_path, "settings")) as store:
        with pytest.raises(KilledError):
            replace(PRIVATE, probes=2).fit(federation, seed=5, checkpoints=store, probe=die)
        rounds: list[int] = []
        fitted = PRIVATE.fit(
            federation, seed=5, checkpoints=store, progress=lambda done, total, point: rounds.append(done)
        )
    assert rounds == [3, 4]
    assert [point["round"] for point in fitted.history] == [1, 3, 4]
    assert fitted.facts["skipped_rounds"] == 1
    assert fitted.facts["updates"] == 6


def test_a_damaged_checkpoint_is_refused(federation: ImageFederation, tmp_path: Path) -> None:
    with closing(CheckpointStore(tmp_path, "settings")) as store:
        PRIVATE.fit(federation, seed=5, checkpoints=store)
        for file in tmp_path.rglob("*"):
            if file.is_file() and file.stat().st_size > 1000:
                file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(ReleaseLostError, match="remove the checkpoints"):
            PRIVATE.fit(federation, seed=5, checkpoints=store)


def test_words_name_noise_and_rounds() -> None:
    words = PRIVATE.privacy_words()
    assert "in 4 rounds (noise multiplier 3 each)" in words["mechanism"]
    assert words["sampling"] == "every hospital in every round"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": replace(SMALL, memory="kept")}, "memory = 'fresh'"),
        ({"aggregator": "uniform-mean"}, "decides about the aggregator"),
    ],
)
def test_what_does_not_go_with_a_guarantee_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        replace(PRIVATE, **changes)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"clip": 0.0}, "clip is 0"),
        ({"noise_multiplier": 0.0}, "noise_multiplier must be above 0"),
        ({"mechanism": "tree"}, "mechanism must be one of gaussian, gaussian-adaptive"),
    ],
)
def test_impossible_guarantees_are_refused(numbers: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        HospitalGuarantee(**{"clip": 1.0, "noise_multiplier": 1.0} | numbers)


def test_too_few_hospitals_are_refused_before_anything_is_sent(federation: ImageFederation) -> None:
    alone = replace(federation, hospitals=federation.hospitals[:1])
    with pytest.raises(SettingsError, match="at least 2"):
        PRIVATE.fit(alone, seed=1)
    adaptive = replace(PRIVATE, guarantee=HospitalGuarantee(0.1, 3.0, "gaussian-adaptive"))
    with pytest.raises(SettingsError, match="needs more than 30 hospitals"):
        adaptive.fit(federation, seed=1)
