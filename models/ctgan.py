"""Networks of the conditional tabular GAN, written from Xu et al. 2019 (arXiv 1907.00503), section 4.4.

A user's own networks are functions of the same form: they take the widths and options below and return a built
`tf.keras.Model` with the same inputs and outputs. Randomness inside a network comes from its `seed` input alone, so
that a training run can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from data.errors import SettingsError
from models.seeded_dropout import seeded_dropout

if TYPE_CHECKING:
    import tensorflow as tf

Normalisation = Literal["batch", "layer", "group", "none"]

_GROUP_SIZE = 16  # units that share a mean in group normalisation
_MOMENTUM = 0.9  # of batch normalisation's moving statistics


def generator(
    latent_dim: int,
    condition_width: int,
    layout_width: int,
    *,
    hidden: Sequence[int] = (256, 256),
    normalisation: Normalisation = "batch",
) -> tf.keras.Model:
    """The generator: each hidden layer's output is concatenated to its input, then one linear layer.

    Args:
        latent_dim: entries of the noise vector.
        condition_width: entries of the condition vector, 0 for none.
        layout_width: entries of an encoded row.
        hidden: units of each hidden layer.
        normalisation: before each ReLU. `batch` mixes the rows of a batch; the others do not.

    Returns:
        A model from [latent [batch, latent_dim], condition [batch, condition_width]] to raw outputs
        [batch, layout_width]: the segments' tanh and softmax are applied outside.

    Raises:
        SettingsError: `normalisation` is none of the four.
    """
    import tensorflow as tf  # here, so that looking a network up costs nothing and the logs can be silenced before

    latent = tf.keras.Input((latent_dim,))
    condition = tf.keras.Input((condition_width,))
    values = tf.keras.layers.Concatenate()([latent, condition]) if condition_width else latent
    for units in hidden:
        # Batch normalisation subtracts each unit's mean, and a bias with it.
        inner = _dense(units, use_bias=normalisation != "batch")(values)
        inner = tf.keras.layers.ReLU()(_normalised(inner, normalisation, units))
        values = tf.keras.layers.Concatenate()([inner, values])
    return tf.keras.Model([latent, condition], _dense(layout_width)(values))


def critic(
    row_width: int,
    condition_width: int,
    *,
    pac: int = 10,
    hidden: Sequence[int] = (256, 256),
    dropout: float = 0.5,
) -> tf.keras.Model:
    """The critic: judges `pac` rows at once (PacGAN, Lin et al. 2018, arXiv 1712.04086).

    Args:
        row_width: entries of an encoded row.
        condition_width: entries of the condition vector, 0 for none.
        pac: rows judged together; batches are multiples of it.
        hidden: units of each hidden layer, with LeakyReLU of slope 0.2.
        dropout: share of hidden units left out, 0 for none.

    Returns:
        A model from [rows [batch, row_width], condition [batch, condition_width], seed int64 [2]] to
        [batch / pac, 1]. The seed fixes which units are dropped; they are dropped only if `training`.
    """
    import tensorflow as tf  # here, so that looking a network up costs nothing and the logs can be silenced before

    rows = tf.keras.Input((row_width,))
    condition = tf.keras.Input((condition_width,))
    seed = tf.keras.Input(batch_shape=(2,), dtype=tf.int64)
    values = tf.keras.layers.Concatenate()([rows, condition]) if condition_width else rows
    if pac > 1:
        width = pac * (row_width + condition_width)
        values = tf.keras.layers.Lambda(lambda x: tf.reshape(x, [-1, width]), output_shape=(width,))(values)
    for depth, units in enumerate(hidden):
        values = tf.keras.layers.LeakyReLU(0.2)(_dense(units)(values))
        if dropout:
            values = seeded_dropout(dropout, depth)([values, seed])
    return tf.keras.Model([rows, condition, seed], _dense(1)(values))


def _dense(units: int, use_bias: bool = True) -> Any:
    """A linear layer that starts uniformly within 1 / sqrt(inputs) (LeCun et al. 1998, "Efficient BackProp").

    Keras' default is twice as wide here: divided by a softmax temperature of 0.2, its outputs are one-hot from the
    start, and the generator hardly learns (on 242 patients, half the AUC above chance after 2,000 updates).
    """
    import tensorflow as tf

    start = tf.keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return tf.keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=start)


def _normalised(values: Any, normalisation: Normalisation, units: int) -> Any:
    import tensorflow as tf

    if normalisation == "none":
        return values
    if normalisation == "batch":
        return tf.keras.layers.BatchNormalization(momentum=_MOMENTUM, epsilon=1e-5)(values)
    if normalisation == "layer":
        return tf.keras.layers.LayerNormalization(epsilon=1e-5)(values)
    if normalisation == "group":
        return tf.keras.layers.GroupNormalization(max(units // _GROUP_SIZE, 1), epsilon=1e-5)(values)
    raise SettingsError(f"normalisation must be batch, layer, group or none, not {normalisation!r}.")
