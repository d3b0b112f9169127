"""A federated DCGAN in one call: labels, repeatability, resuming, aggregators, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import DataError, SettingsError, UnknownNameError
from data.image_federation import ImageFederation, ImageHospital
from data.modality import load_image_dataset
from tff_health.learning.dcgan.labelled_rows import pack
from tff_health.learning.dcgan.process import build_dcgan_process
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.context import execution_context
from tff_health.runtime.nested import restore
from tff_health.synthesis.images.dcgan import Dcgan, FittedImages
from tff_health.synthesis.images.generator_file import load_image_generator, save_image_generator

SMALL = DcganSettings(
    batch_size=8,
    generator_batch_size=8,
    local_updates=2,
    generator_updates=2,
    latent_dim=4,
    generator_channels=4,
    discriminator_channels=4,
)
DCGAN = Dcgan(updates=8, training=SMALL, averaging=4, probes=2)


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.fixture(scope="module")
def federation() -> ImageFederation:
    options = {"images": 120, "test_images": 40, "validation_images": 20, "hospitals": 3}
    return load_image_dataset("xray_phantom", options, seed=1)


@pytest.fixture(scope="module")
def fitted(federation: ImageFederation) -> FittedImages:
    return DCGAN.fit(federation, seed=5, probe=lambda generator: {"grey": float(generator.counts.sum())})


def test_images_have_the_classes_asked_for(federation: ImageFederation, fitted: FittedImages) -> None:
    images = fitted.generator.sample(50, seed=3)
    assert images.pixels.shape == (50, 28, 28, 1)
    assert images.pixels.dtype == np.float32
    assert np.abs(images.pixels).max() <= 1
    assert set(images.labels) == {0, 1}
    ill = fitted.generator.sample(7, federation.classes[1], seed=3)
    assert ill.labels.tolist() == [1] * 7
    # Another class of the same noise is another image.
    well = fitted.generator.sample(7, federation.classes[0], seed=3)
    assert np.abs(ill.pixels - well.pixels).max() > 1e-4
    assert len(fitted.generator.sample(0, seed=1)) == 0
    # What comes out can be trained on as a hospital's own images.
    again = replace(federation, hospitals=(ImageHospital("synthetic", fitted.generator.sample(60, seed=1)),))
    assert len(again.require_trainable().members) == 1


def test_classes_follow_the_federations_shares(federation: ImageFederation, fitted: FittedImages) -> None:
    share = np.concatenate([hospital.train.labels for hospital in federation.members]).mean()
    found = fitted.generator.sample(2000, seed=4).labels.mean()
    assert abs(found - share) < 6 * (share * (1 - share) / 2000) ** 0.5


@pytest.mark.parametrize("changes", [{}, {"mode": "average-both", "conditional": False}], ids=["server", "both"])
def test_the_last_discriminator_tells_what_it_finds_real(federation: ImageFederation, changes: dict[str, Any]) -> None:
    training = replace(SMALL, dropout=0.5, **changes)
    fitted = replace(DCGAN, training=training, probes=0).fit(federation, seed=5)
    assert fitted.realism is not None
    images = federation.test.take(np.arange(9))
    scores = fitted.realism(images.pixels, images.labels)
    assert scores.shape == (9,)
    assert scores.std() > 0
    # Each image by itself, and always the same: nothing is dropped.
    alone = [fitted.realism(images.pixels[[k]], images.labels[[k]])[0] for k in range(9)]
    np.testing.assert_allclose(scores, alone, atol=1e-5)
    other = fitted.realism(images.pixels, 1 - images.labels)
    assert np.allclose(other, scores) != training.conditional


def test_the_discriminator_is_the_one_that_hospitals_ended_with(federation: ImageFederation, tmp_path: Path) -> None:
    from models.dcgan import discriminator

    store = CheckpointStore(tmp_path, "settings")
    fitted = replace(DCGAN, probes=0).fit(federation, seed=5, checkpoints=store)
    with closing(store):
        saved = store.latest()
    assert saved is not None
    with execution_context():
        process = build_dcgan_process(28, np.ones(2), SMALL, aggregator="mean", weighting="examples", seed=5)
        weights = restore(process.initialize(), saved.payload["state"]).global_model_weights.trainable["critic"]
    network = discriminator(28, 2, channels=4)
    for variable, value in zip(network.trainable_variables, weights, strict=True):
        variable.assign(value)
    images = federation.test.take(np.arange(9))
    told = np.eye(2, dtype=np.float32)[images.labels]
    expected = network([images.pixels, told, np.zeros(2, np.int64)], training=False).numpy()[:, 0]
    assert fitted.realism is not None
    np.testing.assert_allclose(fitted.realism(images.pixels, images.labels), expected, atol=1e-5)


def test_the_history_tells_losses_and_probes(fitted: FittedImages) -> None:
    assert [point["round"] for point in fitted.history] == [1, 2, 3, 4]
    assert [point["updates"] for point in fitted.history] == [2, 4, 6, 8]
    assert [point.get("grey") for point in fitted.history] == [None, 120.0, None, 120.0]
    for point in fitted.history:
        assert np.isfinite([point["discriminator_loss"], point["generator_loss"], point["gradient_penalty"]]).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_images_after_an_interruption_too(
    federation: ImageFederation, fitted: FittedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tff_health.learning.gan.rounds._SECONDS_BETWEEN_CHECKPOINTS", 0.0)

    def die(done: int, rounds: int, point: Mapping[str, float]) -> None:
        if done == 3:
            raise KilledError

    with closing(CheckpointStore(tmp_path, "settings")) as store:
        with pytest.raises(KilledError):
            DCGAN.fit(federation, seed=5, checkpoints=store, progress=die)
        rounds: list[int] = []
        again = DCGAN.fit(
            federation, seed=5, checkpoints=store, progress=lambda done, total, point: rounds.append(done)
        )
    assert rounds == [4]
    ours, theirs = (of.generator.sample(20, seed=9) for of in (again, fitted))
    np.testing.assert_array_equal(ours.pixels, theirs.pixels)
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    other = DCGAN.fit(federation, seed=6).generator.sample(20, seed=9)
    assert np.abs(other.pixels - theirs.pixels).max() > 1e-4


@pytest.mark.parametrize(
    "changes", [{"aggregator": "secure-mean", "aggregator_options": {"bound": 2.0}}, {"aggregator": "robust"}]
)
def test_other_aggregators(federation: ImageFederation, changes: dict[str, Any]) -> None:
    trained = replace(DCGAN, updates=2, training=replace(SMALL, memory="fresh"), **changes).fit(federation, seed=1)
    assert all(np.isfinite(values).all() for values in trained.generator.weights)


def test_a_round_sends_some_images_only_and_weighs_all(
    federation: ImageFederation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[np.ndarray, int]] = []

    def noted(rows: np.ndarray, seed: np.ndarray, weight: int) -> Any:
        sent.append((rows, weight))
        return hospital_data(rows, seed, weight)

    monkeypatch.setattr("tff_health.learning.gan.hospital_rows.hospital_data", noted)
    small = replace(SMALL, batch_size=4)
    replace(DCGAN, updates=4, training=small, probes=0).fit(federation, seed=1)
    sizes = [len(hospital.train) for hospital in federation.members]
    assert [weight for _, weight in sent] == sizes * 2
    assert min(sizes) > 16
    for place, (rows, _) in enumerate(sent):
        own = federation.members[place % 3].train
        everything = {row.tobytes() for row in pack(own.pixels, own.labels, 2)}
        # Two steps of four images, and twice as many to draw them from.
        assert len(rows) == 16
        assert {row.tobytes() for row in rows} < everything
    assert not np.array_equal(sent[0][0], sent[3][0])


def test_64_pixels_from_hospitals_to_a_file(tmp_path: Path) -> None:
    options = {"images": 40, "test_images": 8, "validation_images": 2, "hospitals": 2, "size": 64}
    training = replace(SMALL, local_updates=4, generator_updates=2, discriminator_normalisation="spectral")
    fitted = Dcgan(updates=4, training=training, probes=0).fit(
        load_image_dataset("xray_phantom", options, seed=1), seed=2
    )
    save_image_generator(fitted.generator, tmp_path / "large.npz")
    images = load_image_generator(tmp_path / "large.npz").sample(6, seed=3)
    assert images.pixels.shape == (6, 64, 64, 1)
    np.testing.assert_array_equal(images.pixels, fitted.generator.sample(6, seed=3).pixels)


def test_an_unconditional_one_has_images_without_labels(federation: ImageFederation) -> None:
    plain = replace(DCGAN, updates=2, training=replace(SMALL, conditional=False)).fit(federation, seed=1).generator
    assert plain.unlabelled(5, seed=1).shape == (5, 28, 28, 1)
    with pytest.raises(SettingsError, match="without classes"):
        plain.sample(5, seed=1)


def test_what_cannot_be_is_refused_in_a_sentence(federation: ImageFederation, fitted: FittedImages) -> None:
    with pytest.raises(UnknownNameError, match="class"):
        fitted.generator.sample(3, "fracture", seed=1)
    with pytest.raises(SettingsError, match="between 0 and"):
        fitted.generator.sample(-1, seed=1)
    with pytest.raises(SettingsError, match="updates"):
        Dcgan(updates=0)
    with pytest.raises(UnknownNameError, match="aggregator"):
        Dcgan(aggregator="average")
    with pytest.raises(SettingsError, match="lacks bound"):
        Dcgan(aggregator="secure-mean", training=replace(SMALL, memory="fresh"))
    with pytest.raises(SettingsError, match=r"moments of Adam.*'robust'.*memory = 'fresh'"):
        Dcgan(aggregator="robust")
    first, *others = federation.hospitals
    ill = ImageHospital(first.name, first.train.take(first.train.labels == 1))
    with pytest.raises(DataError, match=r"every training image is of the class"):
        DCGAN.fit(replace(federation, hospitals=(ill, *others)), seed=1)
