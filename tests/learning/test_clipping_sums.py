"""Clipped sums equal a plain loop over patients, whichever way they are computed."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from patient_loop import assert_close, looped_sum, random_batch

from models.classifier import logistic_regression, mlp, small_cnn
from tff_health.learning.clipping.clipped_sum import build_clipped_sum
from tff_health.learning.clipping.layer_groups import layer_groups

K = tf.keras.layers


def sequential(shape, *layers):
    return tf.keras.Sequential([K.InputLayer(shape), *layers, K.Dense(1, activation="sigmoid")])


def skip_connection():
    inputs = K.Input((6,))
    hidden = K.Dense(6, activation="relu")(inputs)
    joined = K.Add()([inputs, K.Dense(6, activation="tanh")(hidden)])
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(joined))


def two_branches():
    inputs = K.Input((6,))
    branches = [K.Dense(3, activation="relu")(inputs[:, :2]), K.Dense(4, activation="sigmoid")(inputs[:, 2:])]
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(K.Concatenate()(branches)))


def two_inputs():
    table, image = K.Input((5,)), K.Input((6, 6, 1))
    seen = K.Flatten()(K.Conv2D(2, 3, activation="relu")(image))
    joined = K.Concatenate()([K.Dense(3, activation="relu")(table), seen])
    return tf.keras.Model([table, image], K.Dense(1, activation="sigmoid")(joined))


def model_in_a_model():
    inputs = K.Input((6,))
    inner = sequential((6,), K.Dense(4, activation="relu"))
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(K.Dense(3)(inner(inputs))))


class Scaled(K.Layer):
    """A user's layer with two weights and control flow that needs AutoGraph in a `tf.function`."""

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=shape[1:], initializer="ones")
        self.shift = self.add_weight(name="shift", shape=())

    def call(self, inputs):
        if tf.reduce_sum(self.scale) > 0:
            return inputs * self.scale + self.shift
        return inputs - self.shift


class Composite(K.Layer):
    """A user's layer made of layers."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.second = K.Dense(4, activation="tanh"), K.Dense(3)

    def call(self, inputs):
        return self.second(self.first(inputs))


FAST = {
    "the paper's MLP": lambda: mlp((3,)),
    "logistic regression": lambda: logistic_regression((13,)),
    "deep MLP": lambda: mlp((20,), hidden=(512, 512)),
    "small CNN": lambda: small_cnn((12, 10, 1)),
    "convolutions and pooling": lambda: sequential(
        (9, 12, 2),
        K.Conv2D(5, 3, padding="same"),
        K.LeakyReLU(),
        K.MaxPool2D(),
        K.Conv2D(8, (2, 3), strides=(1, 2), activation="relu"),
        K.Flatten(),
        K.Dense(6, activation="tanh"),
    ),
    "wide patches": lambda: sequential((8, 7, 5), K.Conv2D(3, 3, strides=2, padding="same"), K.Flatten()),
    "dilation": lambda: sequential((11, 11, 4), K.Conv2D(3, 3, dilation_rate=(2, 3), padding="same"), K.Flatten()),
    "dilation, valid": lambda: sequential((11, 12, 1), K.Conv2D(3, 3, dilation_rate=2), K.Flatten()),
    "global average": lambda: sequential((8, 8, 3), K.Conv2D(4, 3, use_bias=False), K.GlobalAveragePooling2D()),
    "signals": lambda: sequential(
        (20, 3),
        K.Conv1D(4, 5, strides=2, activation="relu"),
        K.Conv1D(3, 3, padding="causal", dilation_rate=2),
        K.Flatten(),
    ),
    "grouped convolution": lambda: sequential((6, 6, 4), K.Conv2D(4, 3, groups=2), K.Flatten()),
    "transposed convolution": lambda: sequential((4, 4, 2), K.Conv2DTranspose(3, 3, strides=2), K.Flatten()),
    "depthwise": lambda: sequential((6, 6, 2), K.SeparableConv2D(3, 3), K.Flatten()),
    "dense on sequences": lambda: sequential((5, 3), K.Dense(4, activation="relu"), K.Dense(2), K.Flatten()),
    "layer normalisation": lambda: sequential((6,), K.Dense(8), K.LayerNormalization(), K.ReLU(), K.Dense(4)),
    "group normalisation": lambda: sequential(
        (6, 6, 1), K.Conv2D(4, 3), K.GroupNormalization(groups=2), K.ReLU(), K.Flatten()
    ),
    "learnt activation": lambda: sequential((6,), K.Dense(5), K.PReLU()),
    "embedding": lambda: sequential(
        (4,), K.Lambda(lambda x: tf.cast(tf.abs(x), tf.int32) % 5), K.Embedding(5, 3), K.Flatten()
    ),
    "skip connection": skip_connection,
    "two branches": two_branches,
    "two inputs": two_inputs,
    "model in a model": model_in_a_model,
    "no biases": lambda: sequential((6,), K.Dense(5, use_bias=False, activation="relu"), K.Dense(4, use_bias=False)),
    "activations apart": lambda: sequential(
        (6,), K.Dense(5), K.Activation("sigmoid"), K.Dense(4), K.ReLU(), K.Dense(4), K.Activation("tanh")
    ),
    "layer as activation": lambda: sequential(
        (6,), K.Dense(5, activation=K.LeakyReLU()), K.Dense(4, activation="sigmoid")
    ),
    "frozen layer": lambda: sequential((6,), K.Dense(5, activation="relu", trainable=False), K.Dense(4)),
    "user's layer": lambda: sequential((6,), Scaled(), K.Dense(4, activation="relu")),
    "user's composite": lambda: sequential((6,), Composite(), K.ReLU()),
    "weights without use": lambda: tf.keras.Model(
        i := K.Input((4,)), K.Dense(1, activation="sigmoid")(0.0 * K.Dense(3)(i))
    ),
}


def shared_layer():
    inputs, layer = K.Input((6,)), K.Dense(6, activation="tanh")
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(layer(layer(inputs))))


def tied_weights():
    class Tied(K.Layer):
        def __init__(self, other, **options):
            super().__init__(**options)
            self.other = other.kernel

        def call(self, inputs):
            return tf.matmul(inputs, self.other, transpose_b=True)

    inputs, first = K.Input((6,)), K.Dense(4, activation="tanh")
    hidden = first(inputs)
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(Tied(first)(hidden)))


def subclassed():
    class Own(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = K.Dense(4, activation="relu")
            self.vector = self.add_weight(name="vector", shape=(4, 1))

        def call(self, inputs):
            return tf.sigmoid(tf.matmul(self.dense(inputs), self.vector))

    model = Own()
    model.build((None, 6))
    return model


def rows_of_another_kind():
    inputs = K.Input((3, 4))
    flat = K.Lambda(lambda x: tf.reshape(x, [-1, 4]))(inputs)
    back = K.Lambda(lambda x: tf.reshape(x, [-1, 6]))(K.Dense(2)(flat))
    return tf.keras.Model(inputs, K.Dense(1, activation="sigmoid")(back))


MAPPED = {
    "shared layer": (shared_layer, "more than once"),
    "tied weights": (tied_weights, "share a weight|outside"),
    "subclassed model": (subclassed, "no graph"),
    "rows of another kind": (rows_of_another_kind, "other rows"),
}


def check(model, method, clipping="flat", loss=None, shape=None):
    loss = loss or tf.keras.losses.BinaryCrossentropy()
    features, labels = (
        (tf.random.stateless_normal((7, *shape), (1, 2)), tf.constant([[1.0], [0], [1], [0], [0], [1], [1]]))
        if shape
        else random_batch(model, 7)
    )
    # Between the patients' norms, so that some are clipped and some are not.
    clip = float(np.median(looped_sum(model, loss, features, labels, clip=1.0, clipping=clipping)[3]))
    clipped_sum = build_clipped_sum(model, loss, clip=clip, clipping=clipping, method=method)
    sums, sizes, losses, norms = looped_sum(model, loss, features, labels, clip=clip, clipping=clipping)

    @tf.function
    def compiled(features, labels):
        found = clipped_sum(features, labels)
        return found.gradients, found.losses, found.norms

    eager = clipped_sum(features, labels)
    for gradients, own_losses, own_norms in [
        (eager.gradients, eager.losses, eager.norms),
        compiled(features, labels),
    ]:
        assert_close(gradients, sums, sizes)
        np.testing.assert_allclose(own_losses, losses, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(own_norms, norms, rtol=2e-6, atol=1e-9)
        assert [g.shape for g in gradients] == [v.shape for v in model.trainable_variables]
    none = tf.nest.map_structure(lambda values: values[:0], features)
    for gradients, own_losses, own_norms in [
        ((found := clipped_sum(none, labels[:0])).gradients, found.losses, found.norms),
        compiled(none, labels[:0]),
    ]:
        assert all(not np.any(g) for g in gradients)
        assert own_losses.shape == own_norms.shape == (0,)
    return clipped_sum


@pytest.mark.parametrize("clipping", ["flat", "per-layer"])
@pytest.mark.parametrize("name", FAST)
def test_one_pass_equals_the_loop(name, clipping):
    tf.keras.utils.set_random_seed(3)
    assert check(FAST[name](), "auto", clipping).method == "fast"


@pytest.mark.parametrize("name", ["the paper's MLP", "convolutions and pooling", "skip connection", "two inputs"])
def test_the_map_equals_the_loop(name):
    tf.keras.utils.set_random_seed(3)
    for clipping in ("flat", "per-layer"):
        assert check(FAST[name](), "vectorized", clipping).method == "vectorized"


@pytest.mark.parametrize("name", MAPPED)
def test_other_models_are_mapped_and_the_reason_is_told(name):
    tf.keras.utils.set_random_seed(3)
    make, reason = MAPPED[name]
    clipped_sum = check(make(), "auto", shape=(3, 4) if "rows" in name else (6,))
    assert clipped_sum.method == "vectorized"
    assert any(part in clipped_sum.reason for part in reason.split("|")), clipped_sum.reason


@pytest.mark.parametrize("reduction", ["none", "sum", "sum_over_batch_size", "auto"])
def test_the_losss_reduction_does_not_matter(reduction):
    loss = tf.keras.losses.BinaryCrossentropy(label_smoothing=0.1, reduction=reduction)
    model = mlp((3,))
    features, labels = random_batch(model, 5)
    found = build_clipped_sum(model, loss, clip=0.1)(features, labels)
    reference = tf.keras.losses.BinaryCrossentropy(label_smoothing=0.1)
    assert_close(found.gradients, *looped_sum(model, reference, features, labels, clip=0.1, clipping="flat")[:2])


def test_losses_of_users_work():
    class Hinge(tf.keras.losses.Loss):
        def call(self, labels, predictions):
            return tf.reduce_sum(tf.maximum(0.0, 1 - (2 * labels - 1) * (4 * predictions - 2)), axis=-1)

    check(mlp((3,)), "auto", loss=Hinge())
    check(mlp((3,)), "auto", loss=tf.keras.losses.MeanSquaredError())


def test_dropout_is_drawn_once_a_patient():
    """A dropped unit has no gradient in the layer before *and* the layer behind: one draw for both."""
    model = tf.keras.Sequential(
        [K.InputLayer((2,)), K.Dense(40), K.Dropout(0.5), K.Dense(1, use_bias=False, activation="sigmoid")]
    )
    for method in ("fast", "vectorized"):
        kernel, bias, head = _gradients(model, method)
        dropped = head[:, 0] == 0
        assert 5 <= dropped.sum() <= 35
        np.testing.assert_array_equal(bias == 0, dropped)
        np.testing.assert_array_equal(kernel[0] == 0, dropped)


def _gradients(model, method):
    clipped_sum = build_clipped_sum(model, tf.keras.losses.BinaryCrossentropy(), clip=1e6, method=method)

    @tf.function
    def run(x, y):
        return clipped_sum(x, y).gradients

    return [g.numpy() for g in run(tf.ones((1, 2)), tf.ones((1, 1)))]


def test_layers_are_as_before_even_after_an_error():
    model = small_cnn((8, 8, 1))
    before = [(dict(vars(layer)).get("call"), getattr(layer, "activation", None)) for layer in model.layers]
    clipped_sum = build_clipped_sum(model, tf.keras.losses.BinaryCrossentropy(), clip=1.0)
    with pytest.raises(Exception, match=r"shape|dim"):
        clipped_sum(tf.zeros((2, 8, 8, 7)), tf.zeros((2, 1)))
    clipped_sum(tf.zeros((2, 8, 8, 1)), tf.zeros((2, 1)))
    assert before == [(dict(vars(layer)).get("call"), getattr(layer, "activation", None)) for layer in model.layers]


def test_groups_are_the_layers():
    assert layer_groups(small_cnn((8, 8, 1))) == [[0, 1], [2, 3], [4, 5]]
    assert layer_groups(FAST["no biases"]()) == [[0], [1], [2, 3]]
    assert layer_groups(FAST["user's composite"]()) == [[0, 1], [2, 3], [4, 5]]
    tied = tied_weights()
    assert sorted(k for group in layer_groups(tied) for k in group) == list(range(len(tied.trainable_variables)))
    assert len(layer_groups(subclassed())) == 2
