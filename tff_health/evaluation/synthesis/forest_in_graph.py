"""A fitted forest of scikit-learn's as TensorFlow operations, so that it runs where patients are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf


def forest_in_graph(forest: Any) -> Callable[[tf.Tensor], tf.Tensor]:
    """The mean of the trees' shares of the positive class.

    Args:
        forest: a fitted `RandomForestClassifier` of two classes.

    Returns:
        A function of features, float64 [rows, width], that gives float64 [rows].
    """
    trees = [tree.tree_ for tree in forest.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1].astype(np.int32)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(tree, name) for tree in trees])

    own = np.repeat(starts, [tree.node_count for tree in trees])
    is_leaf = joined("children_left") < 0
    places = np.arange(len(own), dtype=np.int32)
    # A leaf's children are itself, so that all trees can be walked as deep as the deepest.
    left = np.where(is_leaf, places, joined("children_left") + own).astype(np.int32)
    right = np.where(is_leaf, places, joined("children_right") + own).astype(np.int32)
    feature = np.where(is_leaf, 0, joined("feature")).astype(np.int32)
    threshold = joined("threshold")
    values = np.concatenate([tree.value[:, 0, :] for tree in trees])
    share = values[:, 1] / values.sum(axis=1)
    depth = max(tree.max_depth for tree in trees)

    def positive_share(features: tf.Tensor) -> tf.Tensor:
        # scikit-learn compares single precision with thresholds of double precision.
        features = tf.cast(tf.cast(features, tf.float32), tf.float64)
        rows = tf.shape(features)[0]
        width = tf.shape(features)[1]
        flat = tf.reshape(features, [-1])
        offsets = (tf.range(rows) * width)[:, tf.newaxis]

        def deeper(level: tf.Tensor, nodes: tf.Tensor) -> Any:
            asked = tf.gather(flat, offsets + tf.gather(feature, nodes))
            goes_left = asked <= tf.gather(threshold, nodes)
            return level + 1, tf.where(goes_left, tf.gather(left, nodes), tf.gather(right, nodes))

        roots = tf.tile(tf.constant(starts)[tf.newaxis], [rows, 1])
        _, leaves = tf.while_loop(
            lambda level, _: level < depth, deeper, (tf.constant(0), roots), parallel_iterations=1
        )
        return tf.reduce_mean(tf.gather(share, leaves), axis=1)

    return positive_share
