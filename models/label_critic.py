"""A critic that looks at a row through its label, for GANs whose critic is trained within a privacy budget.

A user's own critic is a function of the same form: it takes the widths and options below by name and returns a built
`tf.keras.Model` with the same inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def label_critic(feature_width: int, label_width: int, *, hidden: Sequence[int] = ()) -> tf.keras.Model:
    """A projection critic (Miyato and Koyama 2018, arXiv 1802.05637): features times weights, projected on the label.

    Without hidden layers it is linear in its weights: their gradient at a row is the outer product of the row's
    features and its label, of a norm that is bounded whatever the weights are, and there are few of them for noise to
    fall on. Hidden layers see features and label side by side and add a further score.

    Args:
        feature_width: entries of a row's features.
        label_width: entries of the centred one-hot label.
        hidden: units of the hidden layers, with LeakyReLU of slope 0.2; none for the projection alone.

    Returns:
        A model from [features [batch, feature_width], label [batch, label_width]] to [batch, 1]. The projection starts
        at zero, hidden layers as Keras' default.
    """
    import tensorflow as tf  # here, so that looking a network up costs nothing and the logs can be silenced before

    layers = tf.keras.layers
    features, label = tf.keras.Input((feature_width,)), tf.keras.Input((label_width,))
    projection = layers.Dense(label_width, use_bias=False, kernel_initializer="zeros")(features)
    score = layers.Dot(axes=1)([projection, label])
    if hidden:
        values = layers.Concatenate()([features, label])
        for units in hidden:
            values = layers.LeakyReLU(0.2)(layers.Dense(units)(values))
        score = layers.Add()([score, layers.Dense(1, use_bias=False)(values)])
    return tf.keras.Model([features, label], score)
