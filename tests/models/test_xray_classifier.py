"""The network that judges X-rays: its size, its randomness, and that images do not mix."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from data.errors import WrongKindError
from models.xray_classifier import FEATURES, feature_extractor, xray_cnn


def images(count: int, size: int = 28) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (count, size, size, 1)), tf.float32)


@pytest.mark.parametrize(("size", "blocks", "side"), [(28, 3, 3), (64, 4, 4)])
def test_it_is_small_and_halves_images_as_often_as_needed(size: int, blocks: int, side: int) -> None:
    network = xray_cnn((size, size, 1), seed=0)
    channels = [1, 16, 32, 64, 64][: blocks + 1]
    convolutions = sum(9 * a * b + 2 * b for a, b in pairwise(channels))
    expected = convolutions + (side**2 * 64 + 1) * 64 + 65
    trained = sum(int(np.prod(weights.shape)) for weights in network.trainable_variables)
    assert trained == expected
    assert 50_000 < expected < 130_000
    logits, features = feature_extractor(network)(images(5, size))
    assert (logits.shape, features.shape) == ((5, 1), (5, 64))


def test_features_are_the_layer_before_the_logit() -> None:
    network = xray_cnn((28, 28, 1), seed=0)
    logits, features = feature_extractor(network)(images(6), training=False)
    kernel, bias = network.layers[-1].get_weights()
    np.testing.assert_allclose(logits, features.numpy() @ kernel + bias, atol=1e-5)
    np.testing.assert_allclose(logits, network(images(6), training=False), atol=1e-6)
    assert network.get_layer(FEATURES).output.shape[1] == 64


def test_an_image_is_judged_alone() -> None:
    network = xray_cnn((28, 28, 1), seed=0)
    both = network(images(2), training=False)
    np.testing.assert_allclose(both[:1], network(images(2)[:1], training=False), atol=1e-5)
    other = tf.concat([images(2)[:1], tf.ones((1, 28, 28, 1))], 0)
    np.testing.assert_allclose(both[0], network(other, training=False)[0], atol=1e-5)
    assert not any(isinstance(layer, tf.keras.layers.BatchNormalization) for layer in network.layers)


def test_the_seed_alone_decides() -> None:
    found = []
    for global_seed, seed in ((1, 5), (2, 5), (1, 6)):
        tf.keras.utils.set_random_seed(global_seed)
        network = xray_cnn((28, 28, 1), seed=seed)
        found.append((network(images(4), training=False).numpy(), network(images(4), training=True).numpy()))
    for first, second in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert (found[0][0] != found[2][0]).all()
    assert (found[0][0] != found[0][1]).any(), "dropout leaves nothing out in training"


def test_it_says_what_it_takes() -> None:
    with pytest.raises(WrongKindError, match=r"images of shape \(height, width, channels\)"):
        xray_cnn((28, 28), seed=0)
    with pytest.raises(WrongKindError, match="128 x 128 pixels 5 times, but filters has 4 entries"):
        xray_cnn((128, 128, 1), seed=0)
