"""Fitted classifiers as TensorFlow operations say what scikit-learn and Keras say."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from data.schema import Column, Schema
from tff_health.evaluation.images.frozen_classifier import FrozenClassifier
from tff_health.evaluation.images.network_in_graph import network_in_graph
from tff_health.evaluation.synthesis.classifiers import CLASSIFIERS, NEIGHBOURS, bare_classifier, build_classifier
from tff_health.evaluation.synthesis.classifiers_in_graph import classifier_in_graph, constant_in_graph
from tff_health.evaluation.synthesis.tables import labels
from tff_health.runtime.context import execution_context


@pytest.fixture(scope="module")
def rows() -> tuple[Schema, np.ndarray, np.ndarray]:
    """A schema of numbers and codes; rows to fit on and rows to ask, a fifth of the cells missing."""
    codebook = {"a": "first", "b": "second", "c": "third"}
    schema = Schema(
        (
            Column("age", "integer", bounds=(18, 90)),
            Column("pain", "categorical", codebook=codebook),
            Column("pressure", "continuous", bounds=(0, 250)),
            Column("smoker", "binary", codebook={0: "no", 1: "yes"}),
            Column("sick", "binary", codebook={0: "no", 1: "yes"}),
        ),
        "sick",
    )
    rng, tables = np.random.default_rng(0), []
    for number in (160, 120):
        sick = rng.integers(0, 2, number)
        matrix = np.column_stack(
            [
                rng.integers(18, 90, number) + 5 * sick,
                rng.integers(0, 3, number),
                rng.normal(120 + 10 * sick, 20, number),
                rng.integers(0, 2, number),
                sick,
            ]
        ).astype(np.float64)
        blank = rng.random(matrix.shape) < 0.2
        blank[:, -1] = False
        tables.append(np.where(blank, np.nan, matrix))
    return schema, tables[0], tables[1]


def expected(classifier, asked: np.ndarray) -> np.ndarray:
    if hasattr(classifier, "decision_function"):
        return classifier.decision_function(asked)
    return classifier.predict_proba(asked)[:, 1]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_and_calls_are_scikit_learns(rows, name):
    schema, known, asked = rows
    fitted = build_classifier(name, schema, len(known), seed=3).fit(known, labels(known, schema))
    if name == "knn":  # which of several rows at the same distance is among the nearest is anybody's choice
        distances, _ = fitted[-1].kneighbors(fitted[:-1].transform(asked), NEIGHBOURS + 1)
        asked = asked[np.diff(distances, axis=1)[:, -1] > 1e-6]
        assert len(asked) > 100
    found = classifier_in_graph(fitted, schema)(tf.constant(asked, tf.float64))
    np.testing.assert_allclose(found.scores, expected(fitted, asked), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(found.called.numpy().astype(int), fitted.predict(asked))


@pytest.mark.parametrize("name", ["logistic-regression", "random-forest"])
def test_bare_classifiers_take_features(name):
    rng = np.random.default_rng(1)
    features, truth = rng.normal(size=(80, 50)).astype(np.float32), rng.integers(0, 2, 80)
    fitted = bare_classifier(name, 80, 0).fit(features, truth)
    asked = rng.normal(size=(40, 50)).astype(np.float32)
    found = classifier_in_graph(fitted)(tf.constant(asked, tf.float64))
    np.testing.assert_allclose(found.scores, expected(fitted, asked), rtol=1e-5, atol=1e-6)


def test_a_column_without_a_value_is_scikit_learns_constant(rows):
    schema, known, asked = rows
    empty = known.copy()
    empty[:, [schema.names.index(column.name) for column in schema.features][:2]] = np.nan
    fitted = build_classifier("svc-rbf", schema, len(known)).fit(empty, labels(known, schema))
    found = classifier_in_graph(fitted, schema)(tf.constant(asked, tf.float64))
    np.testing.assert_allclose(found.scores, expected(fitted, asked), rtol=1e-7, atol=1e-9)


def test_one_class_is_called_for_everybody():
    found = constant_in_graph(True)(tf.zeros([3, 2], tf.float64))
    assert found.called.numpy().all()
    assert not found.scores.numpy().any()


def test_a_forest_and_a_network_run_in_a_tff_worker(rows):
    """Where no variable and no Python is: what is sent to hospitals."""
    from models.xray_classifier import feature_extractor, xray_cnn

    schema, known, asked = rows
    forest = build_classifier("random-forest", schema, len(known), seed=3).fit(known, labels(known, schema))
    scored = classifier_in_graph(forest, schema)
    extractor = feature_extractor(xray_cnn((28, 28, 1), seed=4))
    network = network_in_graph(extractor)
    images = np.random.default_rng(2).uniform(-1, 1, (5, 28, 28, 1)).astype(np.float32)

    @tff.tensorflow.computation(
        tff.TensorType(np.float64, [None, asked.shape[1]]), tff.TensorType(np.float32, [None, 28, 28, 1])
    )
    def both(matrix, pixels):
        return scored(matrix).scores, network(pixels)[0]

    with execution_context():
        of_forest, logits = both(asked, images)
    np.testing.assert_allclose(of_forest, forest.predict_proba(asked)[:, 1], rtol=1e-9)
    frozen = FrozenClassifier(extractor, 0, 0.0)
    np.testing.assert_allclose(1 / (1 + np.exp(-np.asarray(logits)[:, 0])), frozen.scores(images), rtol=1e-5)


def test_other_classifiers_are_named():
    with pytest.raises(TypeError, match="a dict has no form in TensorFlow"):
        classifier_in_graph({})
