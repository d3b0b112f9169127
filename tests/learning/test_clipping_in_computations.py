"""Clipped sums where they are used: in loops of a `tf.function`, and in a TFF computation that makes its own model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from patient_loop import looped_sum, random_batch

from data.errors import WrongKindError
from models.classifier import mlp, small_cnn
from tff_health.learning.clipping.clipped_sum import build_clipped_sum
from tff_health.runtime import execution_context

K = tf.keras.layers
CLIP, RATE, STEPS = 0.05, 0.3, 4


def normalised(shape):
    layers = [K.InputLayer(shape), K.Dense(5), K.LayerNormalization(), K.ReLU(), K.Dense(1, activation="sigmoid")]
    return tf.keras.Sequential(layers)


def shared(shape):
    inputs, layer = K.Input(shape), K.Dense(shape[0], activation="tanh")
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(layer(layer(inputs))))


CASES = {"mlp": (mlp, (3,)), "cnn": (small_cnn, (6, 6, 1)), "normalised": (normalised, (4,)), "shared": (shared, (4,))}


def expected_weights(model, start, features, labels, clipping):
    """STEPS of clipped gradient descent; batches of 3, 3, 0 and 1 patients."""
    for variable, value in zip(model.trainable_variables, start, strict=True):
        variable.assign(value)
    loss = tf.keras.losses.BinaryCrossentropy()
    for begin, end in [(0, 3), (3, 6), (6, 6), (6, 7)]:
        sums = looped_sum(model, loss, features[begin:end], labels[begin:end], clip=CLIP, clipping=clipping)[0]
        for variable, gradient in zip(model.trainable_variables, sums, strict=True):
            variable.assign_sub(RATE * gradient)
    return model.get_weights()


def trained(model, clipped_sum, features, labels):
    """The same with a `tf.while_loop`."""
    variables = model.trainable_variables

    def step(number):
        begin, end = tf.gather([0, 3, 6, 6], number), tf.gather([3, 6, 6, 7], number)
        gradients = clipped_sum(features[begin:end], labels[begin:end]).gradients
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(RATE * gradient)
        return number + 1

    return tf.while_loop(lambda number: number < STEPS, step, [tf.constant(0)])


@pytest.mark.parametrize("clipping", ["flat", "per-layer"])
@pytest.mark.parametrize("name", CASES)
def test_steps_in_a_loop_of_a_function(name, clipping):
    make, shape = CASES[name]
    tf.keras.utils.set_random_seed(7)
    model = make(shape)
    features, labels = random_batch(model, 7)
    start = model.get_weights()
    wanted = expected_weights(model, start, features, labels, clipping)
    model.set_weights(start)
    clipped_sum = build_clipped_sum(model, tf.keras.losses.BinaryCrossentropy(), clip=CLIP, clipping=clipping)

    @tf.function
    def run():
        return trained(model, clipped_sum, features, labels)

    run()
    for found, weight in zip(model.get_weights(), wanted, strict=True):
        np.testing.assert_allclose(found, weight, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_steps_in_a_tff_computation(name):
    make, shape = CASES[name]
    tf.keras.utils.set_random_seed(7)
    model = make(shape)
    features, labels = random_batch(model, 7)
    start = model.get_weights()
    wanted = expected_weights(model, start, features, labels, "flat")
    methods = []

    @tff.tensorflow.computation(
        [tf.TensorSpec(value.shape, tf.float32) for value in start],
        tf.TensorSpec([None, *shape], tf.float32),
        tf.TensorSpec([None, 1], tf.float32),
    )
    def computation(weights, features, labels):
        own = make(shape)
        clipped_sum = build_clipped_sum(own, tf.keras.losses.BinaryCrossentropy(), clip=CLIP)
        methods.append(clipped_sum.method)

        @tf.function
        def run():
            for variable, value in zip(own.trainable_variables, weights, strict=True):
                variable.assign(value)
            with tf.control_dependencies(tf.nest.flatten(trained(own, clipped_sum, features, labels))):
                return [variable.read_value() for variable in own.trainable_variables]

        return run()

    with execution_context():
        found = computation(start, features.numpy(), labels.numpy())
    assert set(methods) == {"vectorized" if name == "shared" else "fast"}
    for own, weight in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own, weight, atol=1e-6)


def test_known_mixing_is_refused_there_too():
    with pytest.raises(WrongKindError, match="normalises over the batch"):

        @tff.tensorflow.computation(tf.TensorSpec([None, 3], tf.float32), tf.TensorSpec([None, 1], tf.float32))
        def computation(features, labels):
            model = tf.keras.Sequential([K.InputLayer((3,)), K.Dense(2), K.BatchNormalization(), K.Dense(1)])
            return build_clipped_sum(model, tf.keras.losses.MeanSquaredError(), clip=1.0)(features, labels).norms
