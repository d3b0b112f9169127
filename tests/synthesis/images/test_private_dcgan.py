"""The private DCGAN: what it costs, that a fit releases no more, that images come out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import dp_accounting as dp
import numpy as np
import pytest

from data.errors import DataError, SettingsError
from data.image_federation import ImageFederation, ImageHospital, LabelledImages
from data.modality import load_image_dataset
from tff_health.learning.dcgan.private_settings import PrivateDcganSettings
from tff_health.privacy.calibration import noise_for_epsilon
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.synthesis.images import private_dcgan_fit
from tff_health.synthesis.images.private_dcgan import PrivateDcgan
from tff_health.synthesis.synthesizer import ReleaseLostError

SMALL = PrivateDcganSettings(
    rounds=3,
    generator_updates=2,
    generator_batch_size=8,
    latent_dim=4,
    generator_channels=4,
    discriminator_channels=4,
)
PRIVATE = PrivateDcgan(noise_multiplier=0.5, training=SMALL, public_images=20)
DISCRIMINATOR = replace(
    SMALL, critic="discriminator", gradient_memory=1, critic_weight_decay=0.0, clipping="per-layer", sampling_rate=0.5
)


@pytest.fixture(scope="module")
def federation() -> ImageFederation:
    options = {"images": 90, "test_images": 40, "validation_images": 20, "hospitals": 3}
    return load_image_dataset("xray_phantom", options, seed=1)


def test_the_event_is_the_counts_and_every_round() -> None:
    """By hand: shares of .01 and .99 of the budget, the latter over three rounds."""
    counts = dp.GaussianDpEvent(0.5 / np.sqrt(0.01))
    step = dp.GaussianDpEvent(0.5 * np.sqrt(3 / 0.99))
    assert PRIVATE.event() == dp.ComposedDpEvent([counts, dp.SelfComposedDpEvent(step, 3)])
    sampled = replace(PRIVATE, training=replace(DISCRIMINATOR, rounds=7), counts_share=0.2)
    counts = dp.GaussianDpEvent(0.5 / np.sqrt(0.2))
    step = dp.PoissonSampledDpEvent(0.5, dp.GaussianDpEvent(0.5 * 0.5 * np.sqrt(7 / 0.8)))
    assert sampled.event() == dp.ComposedDpEvent([counts, dp.SelfComposedDpEvent(step, 7)])
    assert PrivateDcgan().event() is None


def test_the_multiplier_is_that_of_one_release_of_the_same_cost() -> None:
    alone = noise_for_epsilon(dp.GaussianDpEvent, 1.0, 1e-5)  # type: ignore[arg-type]
    whole = noise_for_epsilon(lambda z: replace(PRIVATE, noise_multiplier=z).event(), 1.0, 1e-5)  # type: ignore[arg-type, return-value]
    assert whole == pytest.approx(alone, rel=5e-3)


def test_words_name_each_releases_noise() -> None:
    """.5 / sqrt(.01) for the counts, .5 * sqrt(3 / .99) for each of three rounds."""
    mechanism = PRIVATE.privacy_words()["mechanism"]
    assert "once (noise multiplier 5)" in mechanism
    assert "in 3 rounds (noise multiplier 0.87 each)" in mechanism
    assert "multiplier" not in PrivateDcgan().privacy_words()["mechanism"]
    assert "layer by layer" in replace(PRIVATE, training=DISCRIMINATOR).privacy_words()["mechanism"]


def test_settings_that_cannot_be_are_refused(federation: ImageFederation) -> None:
    with pytest.raises(SettingsError, match='synthesizer "dcgan"'):
        PrivateDcgan(training=SMALL).fit(federation, seed=1)
    with pytest.raises(SettingsError, match="two hospitals"):
        PRIVATE.fit(replace(federation, hospitals=federation.hospitals[:1]), seed=1)
    for changes in ({"noise_multiplier": 0.0}, {"counts_share": 1.0}, {"placement": "server"}, {"public_images": 1}):
        with pytest.raises(SettingsError, match="private DCGAN"):
            replace(PRIVATE, **changes)  # type: ignore[arg-type]
    for settings in (
        {"rounds": 0},
        {"discriminator_normalisation": "batch"},
        {"discriminator_normalisation": "spectral"},
        {"clip": 0.0},
        {"critic": "linear"},
        {"critic_weight_decay": 0.0},
        {"critic": "discriminator"},
    ):
        with pytest.raises(SettingsError, match="private DCGAN"):
            replace(SMALL, **settings)  # type: ignore[arg-type]
    one_class = tuple(ImageHospital(h.name, h.train.take(h.train.labels == 1)) for h in federation.hospitals)
    with pytest.raises(DataError, match="every training image is of the class"):
        PRIVATE.fit(replace(federation, hospitals=one_class), seed=1)


@pytest.mark.parametrize("training", [SMALL, DISCRIMINATOR], ids=["features", "discriminator"])
def test_a_fit_makes_images(federation: ImageFederation, counted_releases: Any, training: PrivateDcganSettings) -> None:
    counted = counted_releases(private_dcgan_fit, "release_label_counts")
    seen: list[float] = []
    fitted = replace(PRIVATE, probes=1, training=training).fit(
        federation,
        seed=4,
        progress=lambda done, rounds, point: seen.append(point["round"]),
        probe=lambda generator: {"probed": float(len(generator.sample(5, seed=0)))},
    )
    assert (counted.first, counted.rounds) == (1, 3)
    assert seen == [1.0, 2.0, 3.0]
    assert [point.get("probed") for point in fitted.history] == [None, None, 5.0]
    images = fitted.generator.sample(30, seed=1)
    assert images.pixels.shape == (30, 28, 28, 1)
    assert np.isfinite(images.pixels).all()
    assert fitted.realism is not None
    own = federation.test.take(np.arange(9))
    judged = fitted.realism(own.pixels, own.labels)
    assert np.isfinite(judged).all()
    assert judged.std() > 0
    # Counts are noisy, so they are not the hospitals' own.
    true = np.sum([np.bincount(h.train.labels, minlength=2) for h in federation.hospitals], axis=0)
    assert np.abs(fitted.generator.counts - true).max() < 60
    assert not np.array_equal(fitted.generator.counts, true)


@pytest.mark.slow
def test_going_on_never_repeats_a_release(federation: ImageFederation, counted_releases: Any, tmp_path: Path) -> None:
    counted = counted_releases(private_dcgan_fit, "release_label_counts")
    counted.die_in_round = 2
    store = CheckpointStore(tmp_path, "settings")
    with pytest.raises(counted.killed):
        PRIVATE.fit(federation, seed=4, checkpoints=store)
    saved = store.latest()
    assert saved is not None
    assert (saved.step, saved.payload["begun"]) == (1, 1)
    fitted = PRIVATE.fit(federation, seed=4, checkpoints=store)
    # The second round was begun: it is not made again, and the counts are those that were released.
    assert (counted.first, counted.rounds) == (1, 3)
    assert fitted.facts["skipped_rounds"] == 1
    assert fitted.generator.counts.tolist() == json.loads(str(saved.payload["counts"]))


def test_a_fit_that_died_in_its_first_release_makes_no_second_one(
    counted_releases: Any, tmp_path: Path, federation: ImageFederation
) -> None:
    counted = counted_releases(private_dcgan_fit, "release_label_counts")
    counted.die_in_first = True
    store = CheckpointStore(tmp_path, "settings")
    with pytest.raises(counted.killed):
        PRIVATE.fit(federation, seed=4, checkpoints=store)
    counted.die_in_first = False
    with pytest.raises(ReleaseLostError, match="account for both"):
        PRIVATE.fit(federation, seed=4, checkpoints=store)
    assert counted.first == 1


def test_a_size_that_networks_do_not_have_is_refused_before_anything_is_released(counted_releases: Any) -> None:
    counted = counted_releases(private_dcgan_fit, "release_label_counts")
    pixels, labels = np.zeros((20, 30, 30, 1), np.float32), np.arange(20) % 2
    images = LabelledImages(pixels, labels, np.array([f"image {k}" for k in range(20)]))
    odd = ImageFederation(
        name="odd",
        title="Odd sizes",
        kind="simulated",
        classes=("dark", "bright"),
        size=30,
        hospitals=tuple(ImageHospital(name, images) for name in ("east", "west")),
        validation=images,
        test=images,
        source="made here",
        licence="none",
        protocol="none",
    )
    with pytest.raises(SettingsError, match="not 30"):
        PRIVATE.fit(odd, seed=1)
    assert counted.first == 0


def test_a_damaged_checkpoint_may_hide_a_release(federation: ImageFederation, tmp_path: Path) -> None:
    path = CheckpointStore(tmp_path, "settings").save(1, {"begun": 1})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ReleaseLostError, match="account for both"):
        PRIVATE.fit(federation, seed=4, checkpoints=CheckpointStore(tmp_path, "settings"))
