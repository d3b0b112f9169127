"""No patient contributes more than the bound, whatever the data and the weights; broken ones contribute nothing."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from patient_loop import assert_close, looped_sum, random_batch

from models.classifier import logistic_regression, mlp, small_cnn
from tff_health.learning.clipping.clipped_sum import build_clipped_sum
from tff_health.learning.clipping.layer_groups import layer_groups
from tff_health.learning.clipping.rows import exact_squares, gradient_squares

K = tf.keras.layers


def free_of_scale():
    """No biases, no squashing before the end: gradients are as large and as small as float32 has them."""
    layers = [K.InputLayer((3,)), K.Dense(4, use_bias=False, activation="relu"), K.Dense(1, use_bias=False)]
    return tf.keras.Sequential(layers)


def on_sequences():
    return tf.keras.Sequential([K.InputLayer((5, 2)), K.Dense(3), K.LayerNormalization(), K.Flatten(), K.Dense(1)])


MODELS = {
    "mlp": functools.partial(mlp, (3,)),
    "logistic": functools.partial(logistic_regression, (3,)),
    "cnn": functools.partial(small_cnn, (5, 5, 1), filters=(2, 3)),
    "free of scale": free_of_scale,
    "sequences": on_sequences,
}
LOSSES = {
    "free of scale": tf.keras.losses.MeanSquaredError,
    "sequences": tf.keras.losses.MeanSquaredError,
}
ODD = [0.0, -0.0, 1e-45, 1e-38, -1e-30, 1e-20, 1e-10, 1.0, -3.0, 1e5, -1e10, 1e15, 1e20, 1e30, -3e38]
BROKEN = [np.inf, -np.inf, np.nan]


@functools.cache
def compiled(name, clip, clipping, method):
    tf.keras.utils.set_random_seed(5)
    model = MODELS[name]()
    loss = LOSSES.get(name, tf.keras.losses.BinaryCrossentropy)()
    clipped_sum = build_clipped_sum(model, loss, clip=clip, clipping=clipping, method=method)

    @tf.function
    def run(features, labels):
        found = clipped_sum(features, labels)
        return found.gradients, found.losses, found.norms

    return model, run


def norm_of(arrays):
    return np.sqrt(sum((np.asarray(a, np.float64) ** 2).sum() for a in arrays))


@pytest.mark.parametrize("method", ["fast", "vectorized"])
@pytest.mark.parametrize("clipping", ["flat", "per-layer"])
@pytest.mark.parametrize("name", MODELS)
def test_one_patient_never_exceeds_the_bound(name, clipping, method):
    clip = 0.1
    model, run = compiled(name, clip, clipping, method)
    start = [v.numpy() for v in model.trainable_variables]
    groups = layer_groups(model)
    size = int(np.prod(model.input_shape[1:]))
    clipped_ones = []

    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(
        values=st.lists(st.sampled_from(ODD) | st.floats(-100, 100, width=32), min_size=size, max_size=size),
        label=st.sampled_from([0.0, 1.0, 1e20, -1e30]),
        factor=st.sampled_from([1.0, 1e-30, 1e-15, 1e8, 1e15, 1e25]),
    )
    def holds(values, label, factor):
        for variable, value in zip(model.trainable_variables, start, strict=True):
            variable.assign(value * np.float32(factor))
        features = tf.constant(np.array(values, np.float32).reshape(1, *model.input_shape[1:]))
        gradients, _, norms = run(features, tf.constant([[label]]))
        gradients = [g.numpy() for g in gradients]
        assert all(np.isfinite(g).all() for g in gradients)
        assert norm_of(gradients) <= clip * (1 + 1e-6)
        if clipping == "per-layer":
            for group in groups:
                assert norm_of([gradients[k] for k in group]) <= clip / np.sqrt(len(groups)) * (1 + 1e-6)
        if not np.isfinite(norms[0]):
            assert norm_of(gradients) == 0
        elif norms[0] > clip:
            clipped_ones.append(norm_of(gradients))

    holds()
    assert clipped_ones, "no example was clipped"
    if clipping == "flat":
        # Clipped, not dropped: the norm of what is left is the bound. What is below float32 may be lost.
        assert np.median(clipped_ones) == pytest.approx(clip, rel=1e-6)


@pytest.mark.parametrize("method", ["fast", "vectorized"])
def test_the_bound_holds_where_squares_vanish(method):
    """|a|^2 is 0 in float32 and |d|^2 huge; the gradient a d is not small at all."""
    model = tf.keras.Sequential([K.InputLayer((1,)), K.Dense(1, use_bias=False, kernel_initializer="zeros")])
    clipped_sum = build_clipped_sum(model, tf.keras.losses.MeanSquaredError(), clip=1e-3, method=method)
    # (w x - y)^2 has the gradient -2 y x: 2e-22 * 1e22 = 2, for a bound of a thousandth.
    (gradient,) = clipped_sum(tf.constant([[1e-22]]), tf.constant([[1e18]])).gradients
    assert abs(float(gradient)) == pytest.approx(2e-4, rel=1e-6)
    (gradient,) = clipped_sum(tf.constant([[1e-22]]), tf.constant([[1e19]])).gradients
    assert abs(float(gradient)) == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize("method", ["fast", "vectorized"])
def test_the_bound_holds_where_positions_cancel(method):
    """A Gram matrix would find no norm here; rounding leaves one far above the bound."""
    model = tf.keras.Sequential(
        [K.InputLayer((64, 1)), K.Conv1D(3, 2, use_bias=False, padding="same"), K.GlobalAveragePooling1D(), K.Dense(1)]
    )
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 64, 1)).astype(np.float32) * 1e9
    features[:, -1] -= features.sum(axis=1)
    clipped_sum = build_clipped_sum(model, tf.keras.losses.MeanSquaredError(), clip=0.5, method=method)
    for label in (0.0, 1.0):
        found = clipped_sum(tf.constant(features), tf.constant([[label]]))
        assert norm_of(found.gradients) <= 0.5 * (1 + 1e-6)


@pytest.mark.parametrize("clipping", ["flat", "per-layer"])
@pytest.mark.parametrize("method", ["fast", "vectorized"])
@pytest.mark.parametrize("name", MODELS)
def test_broken_patients_contribute_exactly_nothing(name, method, clipping):
    model, run = compiled(name, 0.2, clipping, method)
    features, labels = (tensor.numpy() for tensor in random_batch(model, 9))
    whole = [0, 2, 4, 6, 8]
    for row, value in zip([1, 3, 5], BROKEN, strict=True):
        features.reshape(9, -1)[row, -1] = value
    labels[7] = np.nan
    gradients, losses, norms = run(tf.constant(features), tf.constant(labels))
    others = run(tf.constant(features[whole]), tf.constant(labels[whole]))
    reference = looped_sum(
        model,
        LOSSES.get(name, tf.keras.losses.BinaryCrossentropy)(),
        tf.constant(features[whole]),
        tf.constant(labels[whole]),
        clip=0.2,
        clipping=clipping,
    )
    assert_close(gradients, *reference[:2])
    assert_close(others[0], *reference[:2])
    np.testing.assert_array_equal(np.isfinite(norms), np.isin(np.arange(9), whole))
    np.testing.assert_allclose(losses.numpy()[whole], reference[2], rtol=1e-5)
    # All broken: nothing is left, and nothing is NaN.
    gradients, _, _ = run(tf.constant(np.full_like(features, np.nan)), tf.constant(labels))
    assert all(not np.any(g) for g in gradients)


def test_a_loss_that_is_not_finite_is_enough():
    """The gradient may be finite where the loss is not."""

    class Overflowing(tf.keras.losses.Loss):
        def call(self, labels, predictions):
            # Infinite where the label is 1, with the gradient of the predictions.
            return tf.reduce_sum(predictions + tf.where(labels > 0, np.inf, 0.0), axis=-1)

    for method in ("fast", "vectorized"):
        clipped_sum = build_clipped_sum(logistic_regression((2,)), Overflowing(), clip=1.0, method=method)
        for run in (clipped_sum, tf.function(lambda x, y, f=clipped_sum: _parts(f(x, y)))):
            found = run(tf.ones((2, 2)), tf.constant([[1.0], [0.0]]))
            gradients, norms = (found.gradients, found.norms) if run is clipped_sum else found
            alone = clipped_sum(tf.ones((1, 2)), tf.constant([[0.0]])).gradients
            for one, both in zip(alone, gradients, strict=True):
                np.testing.assert_array_equal(one, both)
            assert np.isfinite(norms).tolist() == [False, True]


def _parts(found):
    return found.gradients, found.norms


def test_zero_gradients_stay_zero():
    _, run = compiled("free of scale", 0.1, "flat", "fast")
    gradients, _, norms = run(tf.zeros((4, 3)), tf.zeros((4, 1)))
    assert all(not np.any(g) for g in gradients)
    assert not np.any(norms)


def test_squares_are_exact():
    rng = np.random.default_rng(1)
    for size in (1, 7, 64, 4608, 1000):
        values = (rng.normal(size=(3, size)) * 10 ** rng.uniform(-6, 6, (3, size))).astype(np.float32)
        wanted = (values.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(gradient_squares(tf.constant(values)), wanted, rtol=1e-6)
        np.testing.assert_allclose(exact_squares(tf.constant(values)), wanted, rtol=1e-13)
        # Equal numbers round alike, so errors add up rather than cancel.
        alike = np.full((1, size), 0.1, np.float32)
        wanted = (alike.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(gradient_squares(tf.constant(alike)), wanted, rtol=1e-6)
    np.testing.assert_allclose(exact_squares(tf.constant([[1e-20, 1e-21], [1e30, 0]])), [[1.01e-40], [1e60]], rtol=1e-6)
