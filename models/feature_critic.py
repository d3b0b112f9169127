"""A critic of images that is linear in its weights, for GANs whose critic is trained within a privacy budget.

A user's own critic is a function of the same form: it takes the options below by name and returns a built
`tf.keras.Model` with the same inputs and outputs. Weights that patients must not reach are non-trainable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.label_critic import label_critic
from models.xray_classifier import FILTERS, xray_cnn

if TYPE_CHECKING:
    import tensorflow as tf

GRID = 7
"""Cells along each side of the maps that convolutions are averaged over, where they are that large."""
_SMALLEST_SPREAD = 0.05  # of a feature's standard deviation, in means over its kind: what hardly varies is not blown up


def feature_critic(
    size: int,
    classes: int,
    *,
    public_images: np.ndarray,
    bound: float,
    seed: int = 0,
    filters: tuple[int, ...] = FILTERS,
) -> tf.keras.Model:
    """Random convolutional features of an image, times weights, projected on its class.

    The features are the grey values at half the size, the maps of `xray_cnn` with its random initial weights, and the
    squares of both, averaged over cells: no image was ever shown to that network. They are centred and scaled by what
    public images give, each kind to the same weight, and shortened to an L2 norm of at most `bound`; so the gradient of
    the score by the weights, the outer product of features and one-hot class, is within it, whatever the weights are.

    A generator that plays against it matches the mean features of each class (Harder et al. 2021, "DP-MERF", arXiv
    2002.11603, and 2023, "DP-MEPF", arXiv 2205.12900, release such means; their features are others).

    Args:
        size: pixels of a side.
        classes: of the class vector, 1 or more.
        public_images: float32 [images, size, size, 1] in [-1, 1]; no patient's, as what they give is not protected.
        bound: of the features' norm, above 0; about the median before shortening is 1.
        seed: of the network's weights.
        filters: of its blocks.

    Returns:
        A model from [images [batch, size, size, 1], one-hot class [batch, classes]] to scores [batch, 1]; trainable are
        the projection's weights alone, which start at zero.
    """
    import tensorflow as tf  # here, so that looking a network up costs nothing and the logs can be silenced before

    features = _features(size, seed, filters)
    standard = _standardised(bound)
    images, label = tf.keras.Input((size, size, 1)), tf.keras.Input((classes,))
    values = standard(features(images))
    projection = label_critic(values.shape[-1], classes)
    model = tf.keras.Model([images, label], projection([values, label]))
    if tf.executing_eagerly():  # inside a computation the weights come with its argument
        standard.set_weights(_moments(features, public_images))
    return model


def _features(size: int, seed: int, filters: tuple[int, ...]) -> tf.keras.Model:
    """From images to a list of kinds of features, each [batch, entries]."""
    import tensorflow as tf

    layers = tf.keras.layers
    network = xray_cnn((size, size, 1), seed=seed, filters=filters)
    network.trainable = False
    maps = [layer.output for layer in network.layers if isinstance(layer, layers.ReLU)]
    kinds: list[Any] = []
    for values in maps:
        for power in (values, values * values):
            cells = max(values.shape[1] // GRID, 1) if len(values.shape) == 4 else 1
            kinds.append(layers.Flatten()(layers.AveragePooling2D(cells)(power) if cells > 1 else power))
    grey = layers.Flatten()(layers.AveragePooling2D(2)(network.input))
    return tf.keras.Model(network.input, [*kinds, grey, grey * grey], trainable=False)


def _moments(features: tf.keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """Mean, and factor, of every feature, so that each kind has a mean squared norm of one over their number."""
    kinds = features.predict(images, batch_size=256, verbose=0)
    means, factors = [], []
    for values in kinds:
        spread = values.std(0)
        spread = spread + _SMALLEST_SPREAD * spread.mean() + 1e-6
        means.append(values.mean(0))
        factors.append(1.0 / (spread * np.sqrt(values.shape[1] * len(kinds))))
    return [np.concatenate(means).astype(np.float32), np.concatenate(factors).astype(np.float32)]


def _standardised(bound: float) -> Any:
    """A layer from kinds of features to float32 [batch, entries], centred, scaled and shortened."""
    import tensorflow as tf

    class Standardised(tf.keras.layers.Layer):
        def build(self, shapes: Any) -> None:
            width = sum(shape[-1] for shape in shapes)
            self.mean = self.add_weight("mean", [width], initializer="zeros", trainable=False)
            self.factor = self.add_weight("factor", [width], initializer="ones", trainable=False)

        def call(self, inputs: Any) -> Any:
            values = (tf.concat(inputs, 1) - self.mean) * self.factor
            # Squared first: at zero the gradient of a norm is not defined.
            length = tf.sqrt(tf.reduce_sum(tf.square(values), 1, keepdims=True) + 1e-12)
            return values * tf.minimum(1.0, bound / length)

    return Standardised()
