"""Empty Poisson samples: TensorFlow's convolutions and poolings fail on a batch without rows."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tff_health.learning.clipping.layer_groups import layers_of

_KERAS = tf.keras.layers
_TAKES_NO_ROWS = (
    _KERAS.InputLayer,
    _KERAS.Dense,
    _KERAS.Flatten,
    _KERAS.Reshape,
    _KERAS.Activation,
    _KERAS.ReLU,
    _KERAS.LeakyReLU,
    _KERAS.ELU,
    _KERAS.Softmax,
    _KERAS.Dropout,
    _KERAS.Add,
    _KERAS.Multiply,
    _KERAS.Concatenate,
)


def takes_no_rows(model: tf.keras.Model) -> bool:
    """Whether every layer of the model is known to work on a batch of no rows, so that padding can be saved."""
    return all(type(layer) in _TAKES_NO_ROWS or layer is model for layer in layers_of(model)) and bool(model.inputs)


def with_a_row(structure: Any) -> tuple[Any, tf.Tensor]:
    """Adds a row of zeros to an empty batch and leaves any other as it is.

    Args:
        structure: tensors [batch, ...].

    Returns:
        The tensors, with at least one row, and the int32 number of rows that are patients.
    """
    patients = tf.shape(tf.nest.flatten(structure)[0])[0]
    missing = tf.cast(tf.equal(patients, 0), tf.int32)

    def padded(values: tf.Tensor) -> tf.Tensor:
        wide = tf.pad(values, [[0, missing], *[[0, 0]] * (values.shape.rank - 1)])
        return tf.ensure_shape(wide, [None, *values.shape[1:]])

    return tf.nest.map_structure(padded, structure), patients
