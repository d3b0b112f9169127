"""Models and settings for which no clipped sum would be private are refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data.errors import SettingsError, WrongKindError
from models.classifier import mlp
from tff_health.learning.clipping.clipped_sum import build_clipped_sum
from tff_health.learning.clipping.method import choose_method

K = tf.keras.layers
BCE = tf.keras.losses.BinaryCrossentropy


def with_layer(*layers):
    return tf.keras.Sequential([K.InputLayer((4,)), K.Dense(6), *layers, K.Dense(1, activation="sigmoid")])


class Updating(K.Layer):
    """Learns outside the gradients; in a branch, where a look at the graph does not find it, if `branch`."""

    def __init__(self, branch, **options):
        super().__init__(**options)
        self.branch = branch

    def build(self, shape):
        self.seen = self.add_weight(name="seen", shape=shape[1:], trainable=False, initializer="zeros")

    def call(self, inputs, training=False):
        if training:
            seen = tf.reduce_mean(tf.stop_gradient(inputs), axis=0)
            if self.branch:
                tf.cond(tf.reduce_sum(seen) < 1e9, lambda: self.seen.assign_add(seen), lambda: self.seen.read_value())
            else:
                self.seen.assign_add(seen)
        return inputs


def test_batch_normalisation_is_refused_unless_frozen():
    with pytest.raises(WrongKindError, match=r"normalises over the batch.*group or layer"):
        build_clipped_sum(with_layer(K.BatchNormalization()), BCE(), clip=1.0)
    inner = tf.keras.Sequential([K.InputLayer((6,)), K.Dense(3), K.BatchNormalization()])
    with pytest.raises(WrongKindError, match="normalises over the batch"):
        build_clipped_sum(with_layer(inner), BCE(), clip=1.0)
    assert build_clipped_sum(with_layer(K.BatchNormalization(trainable=False)), BCE(), clip=1.0).method == "fast"


MIXING = {
    "mean": lambda x: x - tf.reduce_mean(x, axis=0),
    "neighbour": lambda x: tf.roll(x, 1, axis=0),
    "no gradient": lambda x: tf.where(x > tf.sort(x, axis=0)[2], x, 0.5 * x),
    "hidden from gradients": lambda x: x + tf.stop_gradient(tf.reduce_max(x, axis=0)),
    "order": lambda x: tf.reverse(x, [0]),
}


@pytest.mark.parametrize("name", MIXING)
def test_what_mixes_patients_is_found(name):
    with pytest.raises(WrongKindError, match="depends on the other patients"):
        build_clipped_sum(with_layer(K.Lambda(MIXING[name])), BCE(), clip=1.0)


def test_mixing_is_found_beside_dropout():
    with pytest.raises(WrongKindError, match="depends on the other patients"):
        build_clipped_sum(with_layer(K.Dropout(0.5), K.Lambda(MIXING["mean"])), BCE(), clip=1.0)
    build_clipped_sum(with_layer(K.Dropout(0.5)), BCE(), clip=1.0)


def test_a_loss_that_mixes_patients_is_found():
    class Balanced(tf.keras.losses.Loss):
        def call(self, labels, predictions):
            return tf.keras.losses.binary_crossentropy(labels, predictions) / (1 + tf.reduce_sum(labels))

    with pytest.raises(WrongKindError, match="depends on the other patients"):
        build_clipped_sum(mlp((4,)), Balanced(), clip=1.0)


@pytest.mark.parametrize("branch", [False, True])
def test_state_that_learns_outside_the_gradients_is_refused_and_put_back(branch):
    model = with_layer(Updating(branch))
    with pytest.raises(WrongKindError, match=r"seen.*outside the gradients"):
        build_clipped_sum(model, BCE(), clip=1.0)
    np.testing.assert_array_equal(model.non_trainable_variables[0].numpy(), 0.0)


def test_losses_of_the_models_own_are_refused():
    for layer in (K.Dense(3, kernel_regularizer="l2"), K.Dense(3, activity_regularizer="l2")):
        with pytest.raises(WrongKindError, match="losses of its own"):
            build_clipped_sum(with_layer(layer), BCE(), clip=1.0)


def test_losses_without_a_value_for_each_patient_are_refused():
    class Total(tf.keras.losses.Loss):
        def call(self, labels, predictions):
            return tf.reduce_mean((labels - predictions) ** 2)

    with pytest.raises(WrongKindError, match="each patient needs one"):
        build_clipped_sum(mlp((4,)), Total(), clip=1.0)
    with pytest.raises(WrongKindError, match=r"not a tf\.keras\.losses\.Loss"):
        build_clipped_sum(mlp((4,)), "binary_crossentropy", clip=1.0)


@pytest.mark.parametrize("clip", [0, -1.0, np.nan, np.inf, 1e-30, "1"])
def test_odd_bounds_are_refused(clip):
    with pytest.raises(SettingsError, match="clip must be"):
        build_clipped_sum(mlp((4,)), BCE(), clip=clip)


def test_odd_settings_are_refused():
    with pytest.raises(SettingsError, match="flat, per-layer"):
        build_clipped_sum(mlp((4,)), BCE(), clip=1.0, clipping="layer")
    with pytest.raises(SettingsError, match="auto, fast, vectorized"):
        build_clipped_sum(mlp((4,)), BCE(), clip=1.0, method="slow")
    with pytest.raises(WrongKindError, match="no trainable weights"):
        build_clipped_sum(tf.keras.Sequential([K.InputLayer((4,)), K.Flatten()]), BCE(), clip=1.0)
    with pytest.raises(WrongKindError, match=r"not a tf\.keras\.Model"):
        build_clipped_sum(K.Dense(1), BCE(), clip=1.0)


def test_fast_is_refused_where_it_would_be_wrong():
    inputs, layer = K.Input((4,)), K.Dense(4)
    model = tf.keras.Model(inputs, K.Dense(1)(layer(layer(inputs))))
    with pytest.raises(SettingsError, match="more than once"):
        build_clipped_sum(model, BCE(), clip=1.0, method="fast")


def test_layers_that_draw_and_would_run_twice_are_mapped():
    class Noisy(K.Layer):
        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=shape[1:])

        def call(self, inputs):
            return inputs * self.scale * tf.random.uniform(tf.shape(inputs))

    choice = choose_method(with_layer(Noisy()))
    assert choice.method == "vectorized"
    assert "random" in choice.reason


def test_the_probe_leaves_the_model_as_it_is():
    model = with_layer(K.LayerNormalization(), K.Dropout(0.3))
    before = model.get_weights()
    build_clipped_sum(model, BCE(), clip=1.0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
