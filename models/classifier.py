"""Classifiers: functions that return an uncompiled Keras model ending in one probability.

A user's own model is any function of the same form: it takes the shape of one patient's features and returns a
built, uncompiled `tf.keras.Model` from float32 [batch, *shape] to float32 [batch, 1] in (0, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.errors import WrongKindError

if TYPE_CHECKING:
    import tensorflow as tf


def mlp(feature_shape: Sequence[int], hidden: Sequence[int] = (64,)) -> tf.keras.Model:
    """The network of Poojari 2026, section IV: Dense(64, relu), Dense(1, sigmoid).

    Args:
        feature_shape: shape of one patient's features, for example (30,).
        hidden: units of each hidden layer.
    """
    import tensorflow as tf  # here, so that looking a model up costs nothing and the logs can be silenced before

    layers = [tf.keras.layers.InputLayer(tuple(feature_shape))]
    if len(feature_shape) > 1:
        layers.append(tf.keras.layers.Flatten())
    layers += [tf.keras.layers.Dense(units, activation="relu") for units in hidden]
    return tf.keras.Sequential([*layers, tf.keras.layers.Dense(1, activation="sigmoid")])


def logistic_regression(feature_shape: Sequence[int]) -> tf.keras.Model:
    """Logistic regression, started at zero: the loss is convex, so a random start only adds variance.

    Args:
        feature_shape: shape of one patient's features.
    """
    import tensorflow as tf  # here, so that looking a model up costs nothing and the logs can be silenced before

    layers = [tf.keras.layers.InputLayer(tuple(feature_shape))]
    if len(feature_shape) > 1:
        layers.append(tf.keras.layers.Flatten())
    head = tf.keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")
    return tf.keras.Sequential([*layers, head])


def small_cnn(feature_shape: Sequence[int], filters: Sequence[int] = (16, 32)) -> tf.keras.Model:
    """A small convolutional network for images such as 28 x 28 chest X-rays: about 6,000 weights there.

    Convolutions of 3 x 3 and stride 2, each halving the image, then one dense unit. It has no batch normalisation,
    which would mix patients, and few weights, because under differential privacy every weight gets the same noise.

    Args:
        feature_shape: height, width and channels of one patient's image.
        filters: of each convolution.

    Raises:
        WrongKindError: the features are no images.
    """
    import tensorflow as tf  # here, so that looking a model up costs nothing and the logs can be silenced before

    if len(feature_shape) != 3:
        raise WrongKindError(
            f"small-cnn takes images of shape (height, width, channels), not features of shape {tuple(feature_shape)}; "
            "use mlp or logistic-regression for tables."
        )
    layers = [tf.keras.layers.InputLayer(tuple(feature_shape))]
    layers += [tf.keras.layers.Conv2D(n, 3, strides=2, padding="same", activation="relu") for n in filters]
    return tf.keras.Sequential([*layers, tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")])
