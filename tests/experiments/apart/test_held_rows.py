"""What hospitals make of their own rows, against the same made of rows at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from hospitals_apart import federation

from data.catalogue import load_dataset
from data.errors import DataError, SettingsError
from data.federation import Federation, Hospital
from models.catalogue import load_model_function
from tff_health.aggregators.fixed_point_sum import fixed_point_sum
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.experiments.apart.held_rows import HeldFeatures, HeldRows, held_matrices
from tff_health.experiments.apart.scoring import build_scoring, scored
from tff_health.experiments.prepared import Rows
from tff_health.experiments.scored import cross_entropy
from tff_health.experiments.selection import divide
from tff_health.hospitals.context import HospitalsError
from tff_health.hospitals.held_table import write_held_table
from tff_health.learning.keras_model import Predictor, initial_weights, input_spec
from tff_health.runtime.at_hospital import AtHospital
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import stream

NAME = "clinics <1>, \N{LATIN SMALL LETTER U WITH DIAERESIS}"


@pytest.fixture(scope="module")
def clinics() -> Federation:
    loaded = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(loaded, Federation)
    return loaded


@pytest.fixture(scope="module")
def apart(clinics: Federation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Workers in folders with rows; their context is installed."""
    root = tmp_path_factory.mktemp("clinics")
    with federation(root, tuple(hospital.name for hospital in clinics.members)):
        for hospital in clinics.members:
            write_held_table(root / hospital.name, NAME, clinics, hospital)
        yield root


@pytest.fixture(scope="module")
def preprocessor(clinics: Federation) -> TablePreprocessor:
    with execution_context():
        statistics = compute_table_statistics(
            clinics.schema, [clinics.schema.encode(hospital.train) for hospital in clinics.members]
        )
    return TablePreprocessor.fit(statistics, clinics.schema)


@pytest.fixture(scope="module")
def held(clinics: Federation, preprocessor: TablePreprocessor) -> list[HeldRows]:
    features = HeldFeatures(NAME, len(clinics.schema.columns), preprocessor)
    return [
        HeldRows.all_of(hospital.name, features, "train", clinics.size_of(hospital).class_counts("train"))
        for hospital in clinics.members
    ]


def test_masked_statistics_are_those_of_rows_at_hand(clinics, apart):
    matrices = [clinics.schema.encode(hospital.train) for hospital in clinics.members]
    of_held = compute_table_statistics(
        clinics.schema,
        held_matrices(NAME, "train", len(clinics.schema.columns), [*map(len, matrices)]),
        sum_factory=fixed_point_sum(),
        extremes=False,
    )
    with execution_context():
        at_hand = compute_table_statistics(clinics.schema, matrices, extremes=False)
    np.testing.assert_allclose(of_held.mean, at_hand.mean, rtol=1e-9)
    np.testing.assert_allclose(of_held.variance, at_hand.variance, rtol=1e-7)
    np.testing.assert_array_equal(of_held.observed, at_hand.observed)
    for name, counts in at_hand.categories.items():
        np.testing.assert_array_equal(of_held.categories[name], counts)
    for name, histogram in at_hand.histograms.items():
        np.testing.assert_array_equal(of_held.histograms[name].counts, histogram.counts)


def test_a_statistic_beyond_all_bounds_fails_the_sum(apart):
    process = fixed_point_sum().create(tff.types.to_type((np.float64, [2])))
    values = [np.array([0.25, -1e8]), np.array([-0.5, -1e8]), np.array([1 / 3, 5e7])]
    total = process.next(process.initialize(), values).result
    np.testing.assert_allclose(total, np.sum(values, axis=0), rtol=0, atol=1e-8)
    with pytest.raises(HospitalsError, match="a hospital's statistic is not between"):
        process.next(process.initialize(), [np.array([0.0, 1e9])] * 3)


def test_statistics_are_those_of_rows_at_hand(clinics, apart):
    matrices = [clinics.schema.encode(hospital.train) for hospital in clinics.members]
    width = len(clinics.schema.columns)
    of_held = compute_table_statistics(clinics.schema, held_matrices(NAME, "train", width, [*map(len, matrices)]))
    with execution_context():
        at_hand = compute_table_statistics(clinics.schema, matrices)
    assert of_held.to_dict() == at_hand.to_dict()


@pytest.mark.parametrize(("batch_size", "epochs", "shuffled"), [(32, 2, True), (7, 1, False), (1000, 3, True)])
def test_batches_are_those_of_rows_at_hand(clinics, apart, preprocessor, held, batch_size, epochs, shuffled):
    @tff.tensorflow.computation(tff.SequenceType(tff.types.tensorflow_to_type(input_spec([preprocessor.width]))))
    def digest(batches):
        """A number that any other order, division or value changes."""

        def step(state, batch):
            count, total = state
            features, labels = batch
            weights = tf.range(1, tf.cast(tf.size(features), tf.float64) + 1, dtype=tf.float64)
            own = tf.reduce_sum(tf.reshape(tf.cast(features, tf.float64), [-1]) * weights)
            own += 1000 * tf.reduce_sum(tf.cast(labels, tf.float64))
            return count + 1, total + own * tf.cast(count, tf.float64)

        return batches.reduce((tf.constant(1, tf.int64), tf.constant(0.0, tf.float64)), step)[1]

    @tff.federated_computation(tff.FederatedType(digest.type_signature.parameter, tff.CLIENTS))
    def total(batches):
        return tff.federated_sum(tff.federated_map(digest, batches))

    orders = [stream(3, "order", rows.hospital) if shuffled else None for rows in held]
    made = [
        rows.batches(batch_size=batch_size, epochs=epochs, order=order)
        for rows, order in zip(held, orders, strict=True)
    ]
    sent = []
    for hospital, order in zip(clinics.members, orders, strict=True):
        matrix = clinics.schema.encode(hospital.train)
        labels = preprocessor.labels(matrix).astype(np.float32).reshape(-1, 1)
        features = preprocessor.transform(matrix)
        sent.append(client_dataset(features, labels, batch_size=batch_size, epochs=epochs, order=order))
    apart_total = total(made)
    with execution_context():
        assert apart_total == total(sent)


def in_class_order(clinics: Federation, hospital: Hospital) -> np.ndarray:
    matrix = clinics.schema.encode(hospital.train)
    return matrix[np.argsort(clinics.labels(hospital.train), kind="stable")]


def test_folds_are_those_of_rows_at_hand(clinics, apart, preprocessor, held):
    """The same patients in the same order, though the coordinator knows no label."""
    at_hand = [
        Rows(hospital.name, preprocessor.transform(matrix), preprocessor.labels(matrix).astype(np.float32)[:, None])
        for hospital in clinics.members
        for matrix in [clinics.schema.encode(hospital.train)]
    ]
    divided, expected = (divide(SimpleNamespace(train=rows), 3, 7) for rows in (held, at_hand))

    @tff.tensorflow.computation(held[0].as_tensors.make.type_signature.result)
    def digest(element):
        features, labels = element
        weights = tf.range(1, tf.cast(tf.shape(features)[0], tf.float64) + 1, dtype=tf.float64)
        values = tf.reduce_sum(tf.cast(features, tf.float64), axis=1) + 100 * tf.cast(labels[:, 0], tf.float64)
        return tf.reduce_sum(values * weights)

    @tff.federated_computation(tff.FederatedType(held[0].as_tensors.make.type_signature.result, tff.CLIENTS))
    def digests(elements):
        return tff.federated_sum(tff.federated_map(digest, elements))

    for fold, other in zip(divided, expected, strict=True):
        for part, rows in ((fold.fit, other.fit), (fold.validation, other.validation)):
            weighted = [
                (own.features.astype(np.float64).sum(axis=1) + 100 * own.labels[:, 0])
                @ np.arange(1, len(own) + 1, dtype=np.float64)
                for own in rows
            ]
            assert digests([own.as_tensors for own in part]) == pytest.approx(sum(weighted), rel=1e-6)
            assert [own.class_counts for own in part] == [own.class_counts for own in rows]


@pytest.mark.parametrize("part", [slice(None), slice(5, 30)])
def test_scores_are_counted_as_they_are(clinics, apart, preprocessor, held, part):
    function = load_model_function("mlp")
    weights = initial_weights(function, (preprocessor.width,), 3)
    chosen = [rows.take_by_class(np.arange(len(rows))[part]) for rows in held]
    scoring = build_scoring(function, (preprocessor.width,), max(map(len, held)))
    found = scored(scoring(list(weights.trainable), [rows.as_tensors for rows in chosen]))
    matrix = np.concatenate([in_class_order(clinics, hospital)[part] for hospital in clinics.members])
    labels = preprocessor.labels(matrix)
    assert [rows.class_counts for rows in chosen] == [
        tuple(np.bincount(preprocessor.labels(in_class_order(clinics, hospital)[part]), minlength=2))
        for hospital in clinics.members
    ]
    scores = Predictor(function, (preprocessor.width,))(weights, preprocessor.transform(matrix))
    assert found.labels.tolist() == sorted(labels)
    assert found.loss == pytest.approx(cross_entropy(labels, scores), abs=1e-6)
    for label in (0, 1):
        exact = np.sort(scores[labels == label])
        np.testing.assert_allclose(np.sort(found.scores[found.labels == label]), exact, atol=5e-4 + 1e-7)


def test_a_model_that_has_diverged_has_no_scores(apart, preprocessor, held):
    function = load_model_function("mlp")
    weights = [np.full_like(value, np.nan) for value in initial_weights(function, (preprocessor.width,), 3).trainable]
    scoring = build_scoring(function, (preprocessor.width,), max(map(len, held)))
    found = scored(scoring(weights, [rows.as_tensors for rows in held]))
    assert np.isnan(found.scores).all()
    assert np.isnan(found.loss)


def test_values_of_one_argument_come_about_in_one_way(apart, held):
    @tff.federated_computation(tff.FederatedType(tff.SequenceType(np.int32), tff.CLIENTS))
    def total(batches):
        return tff.federated_sum(tff.federated_map(tff.tensorflow.computation(lambda _: 1), batches))

    with pytest.raises(SettingsError, match="the same `make`"):
        total([held[0].as_tensors, held[1].as_tensors, tf.data.Dataset.range(3)])


def test_no_hospital_with_rows_is_refused(clinics):
    with pytest.raises(DataError, match="No hospital has a training row"):
        compute_table_statistics(clinics.schema, held_matrices(NAME, "train", 11, [0, 0]))


def test_what_is_made_says_how_many_rows(held):
    made = held[0].batches(batch_size=10, order=None)
    assert isinstance(made, AtHospital)
    assert len(made) == len(held[0])
