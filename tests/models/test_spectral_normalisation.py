"""Spectral normalisation: the norm by SciPy's singular values, the gradient by differences, what travels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import svdvals

from models.dcgan import discriminator
from models.spectral_normalisation import spectrally_normalised
from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()
import tensorflow as tf  # noqa: E402


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


LAYERS = {
    "convolution": (lambda: tf.keras.layers.Conv2D(6, 4, strides=2, padding="same"), (5, 8, 8, 3)),
    "dense": (lambda: tf.keras.layers.Dense(7, use_bias=False), (5, 9)),
}


def norm(kernel: Any) -> float:
    """Largest singular value of a kernel as [inputs, units]."""
    return float(svdvals(np.reshape(kernel, [-1, kernel.shape[-1]]))[0])


@pytest.mark.parametrize("kind", LAYERS)
def test_a_pass_divides_by_the_largest_singular_value(kind: str) -> None:
    tf.keras.utils.set_random_seed(1)
    build, shape = LAYERS[kind]
    plain, inputs = build(), numbers(*shape)
    layer = spectrally_normalised(plain)
    for _ in range(100):
        layer(inputs, training=True)
    kernel = plain.kernel.numpy()
    seen = layer(inputs, training=False)
    reference = build()
    reference.build(inputs.shape)
    reference.kernel.assign(kernel / norm(kernel))
    assert norm(reference.kernel.numpy()) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(seen, reference(inputs), atol=1e-5)
    np.testing.assert_array_equal(plain.kernel.numpy(), kernel)


def test_one_pass_in_training_is_one_step_of_power_iteration() -> None:
    tf.keras.utils.set_random_seed(2)
    layer = spectrally_normalised(tf.keras.layers.Dense(4, use_bias=False))
    inputs = numbers(3, 6)
    layer(inputs)
    kernel, start = layer.layer.kernel.numpy().astype(np.float64), layer.vector_u.numpy()[0].astype(np.float64)
    # Miyato et al. 2018, Algorithm 1, for W = the kernel transposed.
    v = kernel @ start
    v /= np.linalg.norm(v)
    u = kernel.T @ v
    u /= np.linalg.norm(u)
    outside = layer(inputs, training=False)
    np.testing.assert_allclose(layer.vector_u.numpy()[0], start, atol=1e-7)
    np.testing.assert_allclose(layer(inputs, training=True), inputs @ kernel / (v @ kernel @ u), rtol=1e-5)
    np.testing.assert_allclose(outside, inputs @ kernel / (v @ kernel @ u), rtol=1e-5)
    np.testing.assert_allclose(layer.vector_u.numpy()[0], u, atol=1e-6)


def test_the_gradient_goes_through_the_norm() -> None:
    tf.keras.utils.set_random_seed(3)
    layer = spectrally_normalised(tf.keras.layers.Dense(3, use_bias=False))
    inputs, weights = numbers(4, 5), numbers(4, 3, seed=1)
    for _ in range(200):
        layer(inputs, training=True)
    kernel = layer.layer.kernel.numpy().astype(np.float64)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(layer(inputs) * weights)
    found = tape.gradient(value, layer.layer.kernel).numpy()

    def exact(matrix: np.ndarray) -> float:
        return float(np.sum((inputs @ matrix) * weights)) / norm(matrix)

    for place in np.ndindex(*kernel.shape):
        moved = np.zeros_like(kernel)
        moved[place] = 1e-5
        slope = (exact(kernel + moved) - exact(kernel - moved)) / 2e-5
        assert found[place] == pytest.approx(slope, abs=1e-3)
    # A kernel that is normalised has no use for length.
    assert np.sum(found * kernel) == pytest.approx(0, abs=1e-4)


def test_every_kernel_of_the_discriminator_has_its_vector() -> None:
    model = discriminator(8, 2, channels=4, normalisation="spectral")
    kernels = [v for v in model.trainable_variables if "kernel" in v.name]
    assert len(kernels) == 3  # one convolution, the score, the classes
    assert [tuple(v.shape) for v in model.non_trainable_variables] == [(1, v.shape[-1]) for v in kernels]


def test_no_score_changes_faster_than_its_image() -> None:
    """Norms of layers bound the slope of the score: LeakyReLU stretches nothing, but strided convolutions overlap."""
    tf.keras.utils.set_random_seed(4)
    model = discriminator(8, 0, channels=4, normalisation="spectral")
    images, seed = tf.constant(numbers(20, 8, 8, 1)), tf.constant([1, 2], tf.int64)
    for variable in model.trainable_variables:
        variable.assign(50 * variable)
    for _ in range(50):
        model([images, tf.zeros([20, 0]), seed], training=True)
    with tf.GradientTape() as tape:
        tape.watch(images)
        scores = model([images, tf.zeros([20, 0]), seed])
    slopes = np.linalg.norm(np.reshape(tape.gradient(scores, images), [20, -1]), axis=1)
    # A pixel lies under four positions of a 4 x 4 window of stride 2, so that a convolution stretches by 2 at most.
    assert slopes.max() <= 2.001


def test_a_kernel_of_zeros_stays_one() -> None:
    layer = spectrally_normalised(tf.keras.layers.Dense(2, kernel_initializer="zeros"))
    assert not np.any(layer(numbers(3, 4), training=True))
