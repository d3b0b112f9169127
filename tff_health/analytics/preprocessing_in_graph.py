"""A fitted preprocessing as TensorFlow operations, for computations that run where the rows are."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tff_health.analytics.encoder import FeatureEncoder
from tff_health.analytics.imputer import FeatureImputer
from tff_health.analytics.preprocessing import TablePreprocessor


def features_and_labels(preprocessor: TablePreprocessor, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What `TablePreprocessor.transform` and `labels` give, to the last bit.

    Args:
        preprocessor: fitted.
        matrix: float64 [rows, columns] as `Schema.encode` gives it, every row with a target.

    Returns:
        float32 [rows, width] and float32 [rows, 1].
    """
    columns = preprocessor.columns
    blocks = [
        _encoded(encoder, _imputed(imputer, matrix[:, columns.index(encoder.name)]))
        for imputer, encoder in zip(preprocessor.imputers, preprocessor.encoders, strict=True)
    ]
    for name in preprocessor.indicators:
        place = columns.index(name)
        blocks.append(tf.cast(tf.math.is_nan(matrix[:, place : place + 1]), tf.float64))
    encoded = tf.concat(blocks, axis=1) if blocks else tf.zeros([tf.shape(matrix)[0], 0], tf.float64)
    scaled = (encoded - np.array(preprocessor.centre)) / np.array(preprocessor.scale)
    place = columns.index(preprocessor.target)
    labels = tf.cast(tf.equal(matrix[:, place : place + 1], 1.0), tf.float32)
    return tf.ensure_shape(tf.cast(scaled, tf.float32), [None, preprocessor.width]), labels


def _imputed(imputer: FeatureImputer, values: tf.Tensor) -> tf.Tensor:
    absent = tf.math.is_nan(values)
    for code in imputer.unseen:
        absent |= tf.equal(values, float(code))
    fill = tf.constant(np.nan if imputer.fill is None else imputer.fill, tf.float64)
    return tf.where(absent, fill, values)


def _encoded(encoder: FeatureEncoder, values: tf.Tensor) -> tf.Tensor:
    if not encoder.codes:
        return values[:, tf.newaxis]
    return tf.cast(tf.equal(values[:, tf.newaxis], np.array(encoder.codes, np.float64)), tf.float64)
