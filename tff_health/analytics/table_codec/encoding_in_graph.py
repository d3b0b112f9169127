"""A fitted encoding as TensorFlow operations, for computations that run where the rows are."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.analytics.table_codec.coded_column import CodedColumn
from tff_health.analytics.table_codec.numeric_column import NumericColumn


def draws_of(codec: TableCodec, rows: int, rng: np.random.Generator) -> np.ndarray:
    """What `TableCodec.encode` draws for rows in which nothing is missing that was not when the codec was fitted.

    Args:
        codec: fitted to these rows, among others.
        rows: how many.
        rng: as for `encode`.

    Returns:
        float64 [rows, numeric columns] in [0, 1).
    """
    columns = [rng.random(rows) for column in codec.columns if isinstance(column, NumericColumn)]
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0))


def encoded(codec: TableCodec, matrix: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """What `TableCodec.encode` gives with these draws, but for the last digits of densities.

    Args:
        codec: fitted.
        matrix: float64 [rows, columns] as `Schema.encode` gives it. What is missing in a column that had nothing
            missing when the codec was fitted becomes the likeliest mode or code.
        draws: float64 [rows, numeric columns], see `draws_of`.

    Returns:
        float32 [rows, codec.layout.width].
    """
    parts, number = [], 0
    for place, column in enumerate(codec.columns):
        if isinstance(column, NumericColumn):
            parts.append(_numeric(column, matrix[:, place], draws[:, number]))
            number += 1
        else:
            parts.append(_coded(column, matrix[:, place]))
    return tf.ensure_shape(tf.concat(parts, axis=1), [None, codec.layout.width])


def _numeric(column: NumericColumn, values: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    means, deviations = np.array(column.means), np.array(column.deviations)
    reaches, weights = np.array(column.reaches), np.array(column.weights)
    blank = tf.math.is_nan(values)
    fill = means[0] if column.missing else means[int(np.argmax(weights))]
    known = tf.where(blank, tf.constant(fill, tf.float64), values)[:, tf.newaxis]
    distance = tf.abs(known - means)
    with np.errstate(divide="ignore"):
        share = np.log(weights) - np.log(deviations)
    density = share - 0.5 * (distance / deviations) ** 2
    nothing = tf.constant(-np.inf, tf.float64)
    density = tf.where(distance > reaches, nothing, density)
    nearest = tf.one_hot(tf.argmin(distance - reaches, axis=1), column.modes, on_value=True, off_value=False)
    beyond = tf.reduce_all(tf.equal(density, nothing), axis=1)[:, tf.newaxis]
    density = tf.where(beyond & nearest, tf.constant(0.0, tf.float64), density)
    mass = tf.exp(density - tf.reduce_max(density, axis=1, keepdims=True))
    cumulative = tf.cumsum(mass, axis=1)
    below = drawn[:, tf.newaxis] >= cumulative / cumulative[:, -1:]
    mode = tf.reduce_sum(tf.cast(below, tf.int32), axis=1)
    alpha = tf.clip_by_value((known[:, 0] - tf.gather(means, mode)) / tf.gather(reaches, mode), -1.0, 1.0)
    one_hot = tf.one_hot(mode, column.modes, dtype=tf.float32)
    row = tf.concat([tf.cast(alpha, tf.float32)[:, tf.newaxis], one_hot], axis=1)
    if not column.missing:
        return row
    said = tf.cast(blank, tf.float32)[:, tf.newaxis]
    return tf.concat([row * (1 - said), said], axis=1)


def _coded(column: CodedColumn, values: tf.Tensor) -> tf.Tensor:
    fill = column.codes if column.missing else int(np.argmax(column.shares))
    position = tf.where(tf.math.is_nan(values), tf.constant(float(fill), tf.float64), values)
    return tf.one_hot(tf.cast(position, tf.int32), column.size, dtype=tf.float32)
