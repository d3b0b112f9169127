"""How well a model does on patients whom no coordinator sees: scores stay in the hospitals, counts of them are summed.

Every hospital scores its patients and counts, for each class, how many scores fall into each of 1,000 equal bins. The
counts are summed securely over all hospitals; from the sums follow accuracy, AUC, calibration and their intervals, with
scores known to half a thousandth. The cross-entropy is summed beside them, in millionths.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.experiments.scored import Scored
from tff_health.learning.keras_model import ModelFunction, build_tff_model

BINS = 1000
_LOSS_CLIP = 1e-7  # Keras' own
_MILLIONTHS = 1e6
_MOST_LOSS = math.ceil(-math.log(_LOSS_CLIP) * _MILLIONTHS)


def build_scoring(model_function: ModelFunction, feature_shape: tuple[int, ...], most_rows: int) -> tff.Computation:
    """Builds `(weights@SERVER, <features, labels>@CLIENTS -> counts@SERVER)`.

    Args:
        model_function: returns the Keras model.
        feature_shape: of one patient's features.
        most_rows: of the largest hospital, a public number.

    Returns:
        A computation of the model's trainable weights whose result has `counts` int64 [2, 1000], by class and bin,
        `loss`, int64 in millionths, and `unusable`, int64: scores that are no numbers.
    """
    model = build_tff_model(model_function, feature_shape)
    trainable = model.initial_weights[0]  # it has no others
    weights_type = tff.StructType([(None, tff.TensorType(v.dtype, v.shape)) for v in map(np.asarray, trainable)])
    features_type = tff.TensorType(np.float32, [None, *feature_shape])
    rows_type = tff.StructType([features_type, tff.TensorType(np.float32, [None, 1])])

    @tff.tensorflow.computation(weights_type, rows_type)
    def counted(weights: Any, rows: Any) -> Any:
        features, labels = rows
        scores = model.predict_on_batch((tuple(weights), ()), features, training=False)[:, 0]
        usable = tf.math.is_finite(scores)
        scores = tf.clip_by_value(tf.where(usable, scores, 0.0), 0.0, 1.0)
        truth = tf.cast(labels[:, 0], tf.int32)
        bins = tf.minimum(tf.cast(scores * BINS, tf.int32), BINS - 1)
        flat = tf.math.bincount(truth * BINS + bins, minlength=2 * BINS, maxlength=2 * BINS, dtype=tf.int64)
        clipped = tf.clip_by_value(tf.cast(scores, tf.float64), _LOSS_CLIP, 1 - _LOSS_CLIP)
        positive = tf.equal(truth, 1)
        losses = -tf.math.log(tf.where(positive, clipped, 1 - clipped)) * _MILLIONTHS
        return {
            "counts": tf.reshape(flat, [2, BINS]),
            "loss": tf.reduce_sum(tf.cast(tf.round(losses), tf.int64)),
            "unusable": tf.reduce_sum(tf.cast(~usable, tf.int64)),
        }

    bits = {
        "counts": most_rows.bit_length(),
        "loss": (most_rows * _MOST_LOSS).bit_length(),
        "unusable": most_rows.bit_length(),
    }

    @tff.federated_computation(tff.FederatedType(weights_type, tff.SERVER), tff.FederatedType(rows_type, tff.CLIENTS))
    def scoring(weights: Any, rows: Any) -> Any:
        parts = tff.federated_map(counted, (tff.federated_broadcast(weights), rows))
        sums = {name: tff.federated_secure_sum_bitwidth(parts[name], bits[name]) for name in bits}
        return tff.federated_zip(sums)

    return scoring


def scored(sums: Any) -> Scored:
    """What the sums say: patients of class 0 before those of class 1, each by rising score."""
    counts, unusable = np.asarray(sums["counts"]), int(sums["unusable"])
    centres = (np.arange(BINS) + 0.5) / BINS
    labels = np.repeat([0, 1], counts.sum(axis=1)).astype(np.int64)
    scores = np.concatenate([np.repeat(centres, counts[label]) for label in (0, 1)])
    if unusable:
        return Scored(labels, np.full(len(labels), np.nan), math.nan)
    return Scored(labels, scores, float(sums["loss"]) / _MILLIONTHS / max(len(labels), 1))
