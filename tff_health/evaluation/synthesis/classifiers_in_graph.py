"""The seven classifiers after their fit as TensorFlow operations, so that they score patients where these are.

Scikit-learn's own code cannot run in a TFF computation. What a fitted classifier is, though, is a few arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from data.schema import Schema
from tff_health.evaluation.synthesis.forest_in_graph import forest_in_graph

Function = Callable[[tf.Tensor], tf.Tensor]


class GraphScores(NamedTuple):
    """What a classifier says of some rows.

    Attributes:
        scores: float64 [rows], larger means more likely positive, on the classifier's own scale.
        called: bool [rows], whether it calls them positive.
    """

    scores: tf.Tensor
    called: tf.Tensor


GraphClassifier = Callable[[tf.Tensor], GraphScores]
"""Of what it was fitted on: rows as `Schema.encode` gives them, or features, float64 [rows, width]."""


def classifier_in_graph(classifier: Any, schema: Schema | None = None) -> GraphClassifier:
    """The scores and calls of a fitted classifier.

    Args:
        classifier: fitted to two classes: of `classifiers.build_classifier` where `schema` is given, else of
            `classifiers.bare_classifier`.
        schema: of the rows that it was fitted on.

    Raises:
        TypeError: it is none of the seven.
    """
    if schema is None:
        return _decided(classifier)
    preparation, bare = (step for _, step in classifier.steps)
    prepared, decided = _prepared(preparation, schema), _decided(bare)
    return lambda rows: decided(prepared(rows))


def constant_in_graph(positive: bool) -> GraphClassifier:
    """What is left where training rows are of one class: everybody is called that, with equal scores."""

    def decided(rows: tf.Tensor) -> GraphScores:
        count = tf.shape(rows)[0]
        return GraphScores(tf.zeros([count], tf.float64), tf.fill([count], positive))

    return decided


def _prepared(preparation: Any, schema: Schema) -> Function:
    """`classifiers._preparation` after its fit: rows with NaN -> numeric features, then codes one-hot."""
    (_, numbers, numeric), (_, codes, coded), *_ = preparation.transformers_  # the rest is dropped columns
    sizes = [len(column.codes) for column in schema.features if not column.is_numeric]

    def features(rows: tf.Tensor) -> tf.Tensor:
        parts = []
        if len(numeric):
            imputer, scaler = (step for _, step in numbers.steps)
            parts.append((_filled(rows, numeric, imputer.statistics_) - scaler.mean_) / scaler.scale_)
        if len(coded):
            filled = tf.cast(_filled(rows, coded, codes.steps[0][1].statistics_), tf.int32)
            parts += [tf.one_hot(filled[:, place], size, dtype=tf.float64) for place, size in enumerate(sizes)]
        return tf.concat(parts, axis=1)

    return features


def _filled(rows: tf.Tensor, positions: Any, statistics: np.ndarray) -> tf.Tensor:
    chosen = tf.gather(rows, np.asarray(positions, np.int32), axis=1)
    # A column that was all missing is a constant 0 to scikit-learn (keep_empty_features).
    values = np.nan_to_num(np.asarray(statistics, np.float64))
    return tf.where(tf.math.is_nan(chosen), values, chosen)


def _decided(bare: Any) -> GraphClassifier:
    name = type(bare).__name__
    if name not in _BUILDERS:
        raise TypeError(f"a {name} has no form in TensorFlow")
    build, level = _BUILDERS[name]
    score: Function = build(bare)

    def decided(features: tf.Tensor) -> GraphScores:
        scores = score(features)
        return GraphScores(scores, scores > level)

    return decided


def _logistic_regression(bare: Any) -> Function:
    weights, intercept = bare.coef_[0], bare.intercept_[0]
    return lambda features: tf.linalg.matvec(features, weights) + intercept


def _naive_bayes(bare: Any) -> Function:
    def joint(features: tf.Tensor, label: int) -> tf.Tensor:
        mean, variance = bare.theta_[label], bare.var_[label]
        constant = np.log(bare.class_prior_[label]) - np.sum(np.log(2 * np.pi * variance)) / 2
        return constant - tf.reduce_sum((features - mean) ** 2 / variance, axis=1) / 2

    # Probabilities, not their logarithm: scikit-learn's are equal where they are 1 to all digits.
    return lambda features: tf.sigmoid(joint(features, 1) - joint(features, 0))


def _knn(bare: Any) -> Function:
    # scikit-learn keeps them private; the numbers are those of `fit`.
    known, labels = np.asarray(bare._fit_X, np.float64), np.asarray(bare._y, np.float64)

    def share(features: tf.Tensor) -> tf.Tensor:
        _, nearest = tf.math.top_k(-_squared_distances(features, known), bare.n_neighbors)
        return tf.reduce_mean(tf.gather(labels, nearest), axis=1)

    return share


def _support_vectors(bare: Any) -> Function:
    vectors, weights, intercept = bare.support_vectors_, bare.dual_coef_[0], bare.intercept_[0]
    gamma = bare._gamma

    def kernel(features: tf.Tensor) -> tf.Tensor:
        if bare.kernel == "rbf":
            return tf.exp(-gamma * _squared_distances(features, vectors))
        products = tf.matmul(features, vectors, transpose_b=True)
        return products if bare.kernel == "linear" else (gamma * products + bare.coef0) ** bare.degree

    return lambda features: tf.linalg.matvec(kernel(features), weights) + intercept


def _squared_distances(features: tf.Tensor, known: np.ndarray) -> tf.Tensor:
    crossed = tf.matmul(features, known, transpose_b=True)
    return tf.reduce_sum(features**2, axis=1, keepdims=True) - 2 * crossed + np.sum(known**2, axis=1)


_BUILDERS: dict[str, tuple[Callable[[Any], Function], float]] = {
    "LogisticRegression": (_logistic_regression, 0.0),
    "GaussianNB": (_naive_bayes, 0.5),
    "KNeighborsClassifier": (_knn, 0.5),
    "SVC": (_support_vectors, 0.0),
    "RandomForestClassifier": (forest_in_graph, 0.5),
}
"""By scikit-learn's class: its score, and above what it calls positive."""
