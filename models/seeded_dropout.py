"""Dropout whose seed is an input, so that a training run can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def seeded_dropout(rate: float, depth: int) -> Any:
    """A layer from [values, seed] to values of which a share is zero; Keras' own cannot be given a seed a call.

    Args:
        rate: the share, at least 0 and below 1; held to the nearest 1 / 65,536, as each random word decides two units.
        depth: of the layer in its network; layers of another depth drop others at the same seed.

    Returns:
        A layer of values [rows, units] and a seed int64 [2]; what is kept is scaled up.
    """
    import tensorflow as tf

    dropped = round(rate * 2**16)

    class SeededDropout(tf.keras.layers.Layer):
        def call(self, inputs: Sequence[Any], training: bool | None = None) -> Any:
            values, seed = inputs
            if not training:
                return values
            rows, units = values.shape[0] or tf.shape(values)[0], values.shape[1]
            own = seed + tf.constant([0, depth], tf.int64)
            words = tf.random.stateless_uniform([rows, (units + 1) // 2], own, None, None, tf.uint32, alg="philox")
            drawn = tf.reshape(tf.bitcast(words, tf.uint16), [rows, units + units % 2])[:, :units]
            kept = tf.cast(drawn >= tf.constant(dropped, tf.uint16), values.dtype)
            return values * (kept / (1.0 - dropped / 2**16))

    return SeededDropout()
