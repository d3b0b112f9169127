"""Fitted classifiers as TensorFlow operations say what scikit-learn and Keras say."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from data.catalogue import load_dataset
from data.federation import Federation
from data.schema import Schema
from tff_health.evaluation.images.frozen_classifier import FrozenClassifier
from tff_health.evaluation.images.network_in_graph import network_in_graph
from tff_health.evaluation.synthesis.classifiers import CLASSIFIERS, bare_classifier, build_classifier
from tff_health.evaluation.synthesis.classifiers_in_graph import classifier_in_graph, constant_in_graph
from tff_health.evaluation.synthesis.tables import labels
from tff_health.runtime.context import execution_context


@pytest.fixture(scope="module")
def rows() -> tuple[Schema, np.ndarray, np.ndarray]:
    """A schema of numbers and codes; rows to fit on and rows to ask, a fifth of the cells missing."""
    federation = load_dataset("paper_mock", {"hospitals": 2, "rows": 120}, seed=1)
    assert isinstance(federation, Federation)
    schema, rng = federation.schema, np.random.default_rng(0)
    assert len({column.is_numeric for column in schema.features}) == 2, "the fixture needs numbers and codes"
    tables = []
    for hospital in federation.members:
        matrix = schema.encode(hospital.train)
        blank = rng.random(matrix.shape) < 0.2
        blank[:, schema.names.index(schema.target)] = False
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
