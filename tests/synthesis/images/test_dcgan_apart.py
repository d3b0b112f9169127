"""A DCGAN over hospitals that keep their images is the one of images at hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hospitals_apart import federation

from data.catalogue import load_dataset
from data.errors import DataError
from data.image_federation import ImageFederation
from tff_health.experiments.apart.held_images import held_images
from tff_health.hospitals.held_facts import facts_file
from tff_health.hospitals.held_images import read_image_facts, write_held_images
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.runtime.context import execution_context
from tff_health.synthesis.images.dcgan import Dcgan

NAME = "x-rays"
SMALL = Dcgan(
    updates=4,
    training=DcganSettings(
        latent_dim=4, generator_channels=4, discriminator_channels=4, batch_size=4, local_updates=2, generator_updates=2
    ),
    probes=0,
)


@pytest.fixture(scope="module")
def clinics() -> ImageFederation:
    loaded = load_dataset("xray_phantom", {"hospitals": 3, "images": 90}, seed=1)
    assert isinstance(loaded, ImageFederation)
    return loaded


@pytest.fixture(scope="module")
def apart(clinics: ImageFederation, tmp_path_factory: pytest.TempPathFactory):
    """What three workers hold; their context is installed."""
    root = tmp_path_factory.mktemp("clinics")
    with federation(root, tuple(hospital.name for hospital in clinics.members)):
        texts = {}
        for hospital in clinics.members:
            write_held_images(root / hospital.name, NAME, clinics, hospital, clinics.test)
            texts[hospital.name] = (root / hospital.name / facts_file(NAME)).read_bytes()
        yield held_images(NAME, read_image_facts(texts, NAME)), texts


@pytest.mark.parametrize("aggregator", ["mean", "secure-weighted"])
def test_the_generator_is_trained_alike(clinics, apart, aggregator):
    dcgan = replace(SMALL, aggregator=aggregator, training=replace(SMALL.training, memory="fresh"))
    held = dcgan.fit(apart[0], seed=5)
    with execution_context():
        together = dcgan.fit(clinics, seed=5)
    for one, other in zip(held.generator.weights, together.generator.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(held.generator.counts, together.generator.counts)


def test_images_of_another_size_are_named(apart):
    texts = dict(apart[1])
    name = list(texts)[1]
    texts[name] = texts[name].replace(b'"size": 28', b'"size": 64').replace(b'"size":28', b'"size":64')
    with pytest.raises(DataError, match=f"hospital '{name}' of 64 pixels"):
        read_image_facts(texts, NAME)
    with pytest.raises(DataError, match="cannot be read"):
        read_image_facts({name: b"{}"}, NAME)
