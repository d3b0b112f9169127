"""The critic whose gradients are features, bounded whatever its weights are."""

from __future__ import annotations

import numpy as np
import pytest

from models.feature_critic import feature_critic
from models.xray_classifier import xray_cnn
from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()
import tensorflow as tf  # noqa: E402

PUBLIC = np.random.default_rng(0).uniform(-1, 1, (40, 28, 28, 1)).astype(np.float32)
IMAGES = np.random.default_rng(1).uniform(-1, 1, (6, 28, 28, 1)).astype(np.float32)
CLASSES = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]]


def gradients(critic: tf.keras.Model, images: np.ndarray) -> np.ndarray:
    """[images, features, classes]: of each score by the trainable weights."""
    found = []
    for image, label in zip(images, CLASSES, strict=True):
        with tf.GradientTape() as tape:
            score = critic([image[None], label[None]], training=True)
        found.append(tape.gradient(score, critic.trainable_variables)[0].numpy())
    return np.stack(found)


def mean_pooled(values: np.ndarray, cells: int) -> np.ndarray:
    side = values.shape[1] // cells
    cut = values[:, : side * cells, : side * cells]
    return cut.reshape(len(values), side, cells, side, cells, -1).mean((2, 4)).reshape(len(values), -1)


def by_hand(images: np.ndarray, seed: int) -> list[np.ndarray]:
    network = xray_cnn((28, 28, 1), seed=seed)
    maps = [layer.output for layer in network.layers if isinstance(layer, tf.keras.layers.ReLU)]
    kinds = []
    for values in tf.keras.Model(network.input, maps).predict(images, verbose=0):
        cells = values.shape[1] // 7 if values.ndim == 4 else 1
        for power in (values, values**2):
            kinds.append(mean_pooled(power, cells) if cells > 1 else power.reshape(len(power), -1))
    grey = mean_pooled(images, 2)
    return [*kinds, grey, grey**2]


def test_gradients_are_features_times_class() -> None:
    """Against the definition in NumPy, from the maps of the same random network."""
    critic = feature_critic(28, 2, public_images=PUBLIC, bound=1.5, seed=3)
    public, ours = by_hand(PUBLIC, 3), by_hand(IMAGES, 3)
    parts = []
    for of_public, of_ours in zip(public, ours, strict=True):
        spread = of_public.std(0) + 0.05 * of_public.std(0).mean() + 1e-6
        parts.append((of_ours - of_public.mean(0)) / spread / np.sqrt(of_public.shape[1] * len(public)))
    features = np.concatenate(parts, 1)
    features *= np.minimum(1, 1.5 / np.linalg.norm(features, axis=1, keepdims=True))
    np.testing.assert_allclose(
        gradients(critic, IMAGES), features[:, :, None] * CLASSES[:, None, :], rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_no_image_exceeds_the_bound_and_none_is_undefined(scale: float) -> None:
    critic = feature_critic(28, 2, public_images=PUBLIC, bound=0.5, seed=3)
    found = gradients(critic, IMAGES * scale)
    assert np.isfinite(found).all()
    assert np.linalg.norm(found.reshape(len(found), -1), axis=1).max() <= 0.5 * (1 + 1e-5)
    # What the generator descends on is defined as well.
    images = tf.constant(IMAGES * scale)
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = critic([images, CLASSES], training=True)
    assert np.isfinite(tape.gradient(score, images).numpy()).all()


def test_only_the_projection_is_trained_and_a_seed_fixes_the_rest() -> None:
    first, second = (feature_critic(28, 2, public_images=PUBLIC, bound=1.0, seed=3) for _ in range(2))
    assert len(first.trainable_variables) == 1
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    other_seed = feature_critic(28, 2, public_images=PUBLIC, bound=1.0, seed=4)
    assert np.abs(gradients(first, IMAGES) - gradients(other_seed, IMAGES)).max() > 1e-3


def test_other_sizes() -> None:
    public = np.random.default_rng(0).uniform(-1, 1, (10, 64, 64, 1)).astype(np.float32)
    critic = feature_critic(64, 3, public_images=public, bound=1.0)
    assert critic([public, np.eye(3, dtype=np.float32)[np.arange(10) % 3]]).shape == (10, 1)
