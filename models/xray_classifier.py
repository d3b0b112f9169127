"""The convolutional network that chest X-rays are judged by: one logit, and the features that it rests on.

It ends in a logit and takes a seed, so it is no model of `catalogue.py`: it is never federated, only trained on real
images and frozen, or trained on synthetic images to see what they are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data.errors import WrongKindError
from data.streams import stream

if TYPE_CHECKING:
    import tensorflow as tf

FILTERS = (16, 32, 64, 64)
FEATURES = "features"
"""Name of the layer whose outputs are the features."""
_GROUP_SIZE = 8  # channels that share a mean in group normalisation
_SMALLEST = 4  # pixels a side: blocks halve the image until it is no larger


def xray_cnn(
    feature_shape: Sequence[int],
    *,
    seed: int,
    filters: Sequence[int] = FILTERS,
    feature_width: int = 64,
    dropout: float = 0.3,
) -> tf.keras.Model:
    """Blocks of a 3 x 3 convolution, group normalisation, ReLU and max pooling, then a dense layer of features.

    Each block halves the image, until it is 4 pixels a side or smaller: three blocks and 60,000 weights for 28 pixels,
    four and 126,000 for 64. Group normalisation (Wu and He 2018, arXiv 1803.08494) sees one image at a time, so an
    image's features do not depend on what it is judged together with.

    Args:
        feature_shape: height, width and channels of one image.
        seed: of the initial weights and of dropout, 0 or more; nothing else is random.
        filters: of the blocks, first to last; as many are taken as blocks are needed.
        feature_width: entries of the feature layer.
        dropout: share of features left out in training.

    Returns:
        An uncompiled model from float32 [batch, height, width, channels] to logits float32 [batch, 1].

    Raises:
        WrongKindError: the features are no images, or these are too large for so few blocks.
    """
    import tensorflow as tf  # here, so that looking a model up costs nothing and the logs can be silenced before

    if len(feature_shape) != 3:
        raise WrongKindError(
            f"xray_cnn takes images of shape (height, width, channels), not features of shape {tuple(feature_shape)}."
        )
    side, blocks = min(feature_shape[:2]), 0
    while side > _SMALLEST:
        side, blocks = side // 2, blocks + 1
    if blocks > len(filters):
        raise WrongKindError(
            f"xray_cnn halves images of {feature_shape[0]} x {feature_shape[1]} pixels {blocks} times, but filters has "
            f"{len(filters)} entries: name more, or shrink the images."
        )
    layers = tf.keras.layers
    seeds = _seeds(seed)
    inputs = values = tf.keras.Input(tuple(feature_shape))
    for width in filters[:blocks]:
        start = tf.keras.initializers.HeNormal(next(seeds))
        values = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=start)(values)
        values = layers.GroupNormalization(max(width // _GROUP_SIZE, 1))(values)
        values = layers.MaxPooling2D()(layers.ReLU()(values))
    start = tf.keras.initializers.HeNormal(next(seeds))
    values = layers.Dense(feature_width, kernel_initializer=start)(layers.Flatten()(values))
    features = layers.ReLU(name=FEATURES)(values)
    # Keras' default draws from TensorFlow's global generator, whatever seed the layer is given.
    values = layers.Dropout(dropout, seed=next(seeds), force_generator=True)(features)
    start = tf.keras.initializers.GlorotUniform(next(seeds))
    return tf.keras.Model(inputs, layers.Dense(1, kernel_initializer=start)(values))


def _seeds(seed: int) -> Iterator[int]:
    """A seed for every layer that draws."""
    rng = stream(seed, "xray_cnn")
    while True:
        yield int(rng.integers(2**31))


def feature_extractor(model: tf.keras.Model) -> tf.keras.Model:
    """From images to logits [batch, 1] and features [batch, width] in one pass, with the model's own weights.

    Args:
        model: as `xray_cnn` builds it.
    """
    import tensorflow as tf

    return tf.keras.Model(model.input, [model.output, model.get_layer(FEATURES).output])
