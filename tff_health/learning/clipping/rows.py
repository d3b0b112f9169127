"""One row of numbers a patient: flattening and squared norms that no float32 value can fool."""

from __future__ import annotations

import math

import tensorflow as tf

# Squares of float32 summed in float32 before double precision takes over: 8 roundings are at most 5e-7 of the sum.
_SHORT = 8


def as_rows(values: tf.Tensor) -> tf.Tensor:
    """[batch, ...] as [batch, numbers a patient]; the batch may be empty."""
    if values.shape.rank == 2:
        return values
    size = values.shape[1:].num_elements()
    if size is None:
        return tf.reshape(values, [tf.shape(values)[0], tf.reduce_prod(tf.shape(values)[1:])])
    return tf.reshape(values, [-1, size] if size else [tf.shape(values)[0], 0])


def exact_squares(values: tf.Tensor) -> tf.Tensor:
    """float64 [batch, 1]: the squared norm of each row, for factors of a gradient.

    In float32 the square of 1e-20 is 0 and that of 1e20 infinite, although the other factor may bring their
    product back into range; in double precision no float32 value does this.

    Args:
        values: [batch, ...].
    """
    rows = tf.cast(as_rows(values), tf.float64)
    if rows.shape[1] == 1:
        return tf.square(rows)
    return tf.square(tf.math.reduce_euclidean_norm(rows, axis=1, keepdims=True))


def gradient_squares(gradients: tf.Tensor) -> tf.Tensor:
    """float64 [batch, 1]: the squared norm of each patient's gradient of one weight.

    Squares that vanish in float32 are too small to matter here. Short runs of squares are summed in float32, which
    is fast, and the runs in double precision, so the relative error is below 1e-6 for any number of weights.

    Args:
        gradients: [batch, ...].
    """
    rows = as_rows(gradients)
    if rows.dtype != tf.float32:
        return exact_squares(rows)
    size = rows.shape[1]
    run = math.gcd(size, _SHORT) if size else 1
    squares = tf.square(rows)
    if run > 1:
        # Every (size / run)-th number, not neighbours: sums over an outer axis are several times as fast.
        squares = tf.reduce_sum(tf.reshape(squares, [-1, run, size // run]), axis=1)
    return tf.reduce_sum(tf.cast(squares, tf.float64), axis=1, keepdims=True)
