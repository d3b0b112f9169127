"""Networks of the image GAN: Radford et al. 2016 (arXiv 1511.06434), with a class as a second input.

A user's own networks are functions of the same form: they take the options below and return a built `tf.keras.Model`
with the same inputs and outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from data.errors import SettingsError
from models.seeded_dropout import seeded_dropout
from models.spectral_normalisation import spectrally_normalised

if TYPE_CHECKING:
    import tensorflow as tf

Normalisation = Literal["batch", "group", "none"]
DiscriminatorNormalisation = Literal["batch", "group", "none", "spectral"]

_MOMENTUM = 0.9  # of batch normalisation's moving statistics
_GROUP_SIZE = 16  # channels that share a mean in group normalisation
_SMALLEST = 4  # pixels a side that the discriminator's last convolution leaves
_STDDEV = 0.02  # of initial weights (Radford et al. 2016, section 4)


def generator(
    size: int,
    latent_dim: int,
    classes: int,
    *,
    channels: int = 32,
    normalisation: Normalisation = "batch",
) -> tf.keras.Model:
    """The generator: a linear layer to the coarsest image, then transposed convolutions that double its sides.

    Args:
        size: pixels of a side: 28, or a power of two from 8.
        latent_dim: entries of the noise vector.
        classes: of the class vector, 0 for a generator that is not told a class.
        channels: of the last hidden layer; each coarser one has twice as many.
        normalisation: before each ReLU; `batch` mixes the images of a batch.

    Returns:
        A model from [latent [batch, latent_dim], one-hot class [batch, classes]] to images [batch, size, size, 1] in
        [-1, 1].

    Raises:
        SettingsError: a size or a normalisation that is none of these.
    """
    import tensorflow as tf  # here, so that looking a network up costs nothing and the logs can be silenced before

    coarsest, doublings = _coarsest(size)
    latent = tf.keras.Input((latent_dim,))
    label = tf.keras.Input((classes,))
    values = tf.keras.layers.Concatenate()([latent, label]) if classes else latent
    width = channels * 2 ** (doublings - 1)
    bias = normalisation != "batch"  # which subtracts a bias again
    values = tf.keras.layers.Dense(coarsest**2 * width, use_bias=bias)(values)
    values = tf.keras.layers.Reshape((coarsest, coarsest, width))(values)
    values = tf.keras.layers.ReLU()(_normalised(values, normalisation))
    for _ in range(doublings - 1):
        width //= 2
        values = tf.keras.layers.Conv2DTranspose(
            width, 4, strides=2, padding="same", use_bias=bias, kernel_initializer=_start()
        )(values)
        values = tf.keras.layers.ReLU()(_normalised(values, normalisation))
    images = tf.keras.layers.Conv2DTranspose(
        1, 4, strides=2, padding="same", activation="tanh", kernel_initializer=_start()
    )(values)
    return tf.keras.Model([latent, label], images)


def discriminator(
    size: int,
    classes: int,
    *,
    channels: int = 32,
    normalisation: DiscriminatorNormalisation = "none",
    dropout: float = 0.0,
) -> tf.keras.Model:
    """The discriminator: strided convolutions down to 4 pixels a side, then a linear layer.

    Kernels that no batch normalisation follows start as He et al. 2015 have it (arXiv 1502.01852), which keeps the size
    of what passes; the standard deviation of Radford et al. needs the normalisation.

    The class enters by an inner product with the features (Miyato and Koyama 2018, arXiv 1802.05637): the score of an
    image is that of any image plus that of an image of its class.

    Args:
        size: pixels of a side: 28, or a power of two from 8.
        classes: of the class vector, 0 for a discriminator that is not told a class.
        channels: of the first layer; each of the others has twice as many as the one before.
        normalisation: before each LeakyReLU but the first; `batch` mixes the images of a batch. `spectral` divides
            every kernel by its norm instead (Miyato et al. 2018, arXiv 1802.05957), the class' too.
        dropout: share of features left out, 0 for none.

    Returns:
        A model from [images [batch, size, size, 1], one-hot class [batch, classes], seed int64 [2]] to scores
        [batch, 1], not squashed. The seed fixes which features are dropped; they are dropped only if `training`.

    Raises:
        SettingsError: a size or a normalisation that is none of these.
    """
    import tensorflow as tf  # here, so that looking a network up costs nothing and the logs can be silenced before

    check_size(size)
    side, width = size, channels
    images = tf.keras.Input((size, size, 1))
    label = tf.keras.Input((classes,))
    seed = tf.keras.Input(batch_shape=(2,), dtype=tf.int64)
    values = images
    linear = spectrally_normalised if normalisation == "spectral" else _as_it_is
    while side > _SMALLEST:
        own = normalisation if side < size and normalisation != "spectral" else "none"
        start = _start() if own == "batch" else tf.keras.initializers.HeNormal()
        convolution = tf.keras.layers.Conv2D(
            width, 4, strides=2, padding="same", use_bias=own != "batch", kernel_initializer=start
        )
        side, width = -(-side // 2), 2 * width
        values = tf.keras.layers.LeakyReLU(0.2)(_normalised(linear(convolution)(values), own))
    features = tf.keras.layers.Flatten()(values)
    if dropout:
        features = seeded_dropout(dropout, 0)([features, seed])
    scores = linear(tf.keras.layers.Dense(1))(features)
    if classes:
        of_class = linear(tf.keras.layers.Dense(classes, use_bias=False))(features)
        scores = scores + tf.keras.layers.Dot(1)([of_class, label])
    return tf.keras.Model([images, label, seed], scores)


def check_size(size: int) -> None:
    """Returns for sizes that both networks have.

    Raises:
        SettingsError: another one.
    """
    _coarsest(size)


def _coarsest(size: int) -> tuple[int, int]:
    """Sides of the coarsest image, and how often they double: 28 from 7, 64 from 4."""
    coarsest, doublings = (7, 2) if size == 28 else (4, size.bit_length() - 3)
    if size < 8 or coarsest * 2**doublings != size:
        raise SettingsError(f"DCGAN: images must have 28 pixels a side, or a power of two from 8, not {size}.")
    return coarsest, doublings


def _start() -> Any:
    """A fresh initialiser: one that serves several layers would give those of one shape the same weights."""
    import tensorflow as tf

    return tf.keras.initializers.RandomNormal(stddev=_STDDEV)


def _as_it_is(layer: Any) -> Any:
    return layer


def _normalised(values: Any, normalisation: str) -> Any:
    import tensorflow as tf

    if normalisation == "none":
        return values
    if normalisation == "batch":
        return tf.keras.layers.BatchNormalization(momentum=_MOMENTUM, epsilon=1e-5)(values)
    if normalisation == "group":
        return tf.keras.layers.GroupNormalization(max(values.shape[-1] // _GROUP_SIZE, 1), epsilon=1e-5)(values)
    raise SettingsError(f"DCGAN: normalisation must be batch, group or none, not {normalisation!r}.")
