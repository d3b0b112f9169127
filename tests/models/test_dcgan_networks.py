"""The image GAN's networks: shapes, the class as an input, and what mixes the images of a batch."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import SettingsError
from models.dcgan import discriminator, generator
from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()
import tensorflow as tf  # noqa: E402

SEED = tf.constant([1, 2], tf.int64)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("classes", [0, 2])
def test_images_of_every_size(size: int, classes: int) -> None:
    made = generator(size, 5, classes, channels=2)([numbers(3, 5), np.eye(2, dtype=np.float32)[[0, 1, 1], :classes]])
    assert made.shape == (3, size, size, 1)
    assert np.abs(made).max() <= 1
    model = discriminator(size, classes, channels=2)
    assert model([made, tf.zeros([3, classes]), SEED]).shape == (3, 1)


@pytest.mark.parametrize("size", [4, 12, 27, 63])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(SettingsError, match=f"not {size}"):
        generator(size, 5, 2)
    with pytest.raises(SettingsError, match=f"not {size}"):
        discriminator(size, 2)


@pytest.mark.parametrize("normalisation", ["batch", "group", "none"])
def test_only_batch_normalisation_mixes_images(normalisation: str) -> None:
    tf.keras.utils.set_random_seed(1)
    model = generator(8, 4, 2, channels=16, normalisation=normalisation)
    latent, classes = numbers(4, 4), np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    changed = latent.copy()
    changed[3] += 3
    before, after = (model([noise, classes], training=True)[:3] for noise in (latent, changed))
    assert (np.abs(before - after).max() > 1e-6) == (normalisation == "batch")


def test_the_class_adds_its_own_score() -> None:
    model = discriminator(8, 3, channels=4)
    images = numbers(5, 8, 8, 1)
    none, *of_class = (model([images, tf.tile(row[None], [5, 1]), SEED]) for row in [tf.zeros(3), *tf.eye(3)])
    both = model([images, tf.tile(tf.constant([[1.0, 1.0, 0.0]]), [5, 1]), SEED])
    np.testing.assert_allclose(both, of_class[0] + of_class[1] - none, atol=1e-5)
    assert np.abs(of_class[0] - of_class[1]).max() > 1e-6


def test_dropout_follows_the_seed_alone() -> None:
    model = discriminator(8, 0, channels=8, dropout=0.5)
    inputs = [numbers(6, 8, 8, 1), tf.zeros([6, 0])]
    first = model([*inputs, SEED], training=True)
    np.testing.assert_array_equal(first, model([*inputs, SEED], training=True))
    assert np.abs(first - model([*inputs, SEED + 1], training=True)).max() > 1e-6


def test_an_unknown_normalisation_is_refused() -> None:
    with pytest.raises(SettingsError, match="normalisation"):
        generator(8, 4, 2, normalisation="layer")
