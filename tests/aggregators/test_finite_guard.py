"""One hospital with NaN: what reaches the model, through aggregators alone and through a learning process."""

import numpy as np
import pytest
import tensorflow_federated as tff

from models.classifier import logistic_regression
from tff_health.aggregators.catalogue import CATALOGUE, resolve_aggregator
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.optimizers import build_optimizer
from tff_health.runtime.client_batches import client_dataset

pytestmark = pytest.mark.usefixtures("tff_context")
BY_NAME = [name for name, entry in CATALOGUE.items() if not entry.required]


def aggregator(factory, size):
    """A function from updates and weights to the result of a first round; compiled once."""
    vector = tff.TensorType(np.float32, [size])
    weighted = isinstance(factory, tff.aggregators.WeightedAggregationFactory)
    process = factory.create(vector, tff.TensorType(np.float32)) if weighted else factory.create(vector)

    def aggregate(updates, weights):
        values = [np.asarray(update, np.float32) for update in updates]
        arguments = (values, [np.float32(weight) for weight in weights]) if weighted else (values,)
        return np.asarray(process.next(process.initialize(), *arguments).result)

    return aggregate


@pytest.mark.parametrize("name", BY_NAME)
def test_a_poisonous_update_counts_as_zeros(name):
    """Weighted means also forget its weight; the norms stay below the robust aggregators' first clip of 1."""
    aggregate = aggregator(resolve_aggregator(name), 3)
    good = [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]
    expected = np.average(good, axis=0, weights=[1, 3]) if CATALOGUE[name].weighted else np.sum(good, axis=0) / 3
    for poison in (np.nan, np.inf, -np.inf, 1e38):
        result = aggregate([*good, [0.1, poison, 0.1]], [1.0, 3.0, 2.0])
        np.testing.assert_allclose(result, expected, atol=1e-4, err_msg=str(poison))
    # Nothing but poison leaves the model as it was.
    np.testing.assert_allclose(aggregate([[np.nan, 1.0, 2.0]] * 2, [1.0, 1.0]), 0.0, atol=1e-5)


def test_a_weight_that_is_no_number_is_no_weight():
    result = aggregator(resolve_aggregator("mean"), 1)([[1.0], [3.0]], [np.nan, 2.0])
    np.testing.assert_array_equal(result, [3.0])


def test_tff_alone_would_be_poisoned():
    """Why the guard stands before every entry."""
    assert np.isnan(aggregator(tff.aggregators.MeanFactory(), 1)([[1.0], [np.nan]], [1.0, 1.0])).all()
    assert np.isnan(aggregator(tff.learning.robust_aggregator(), 1)([[1.0], [np.nan]], [1.0, 1.0])).all()


@pytest.mark.parametrize("name", ["mean", "uniform-mean", "robust", "secure-weighted"])
def test_a_hospital_with_nan_features_does_not_poison_training(name):
    """TFF's client work zeroes its update (and its weight); so the others' training goes on as without it.

    Under uniform-mean it still counts in the divisor."""
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(8, 4)).astype(np.float32) for _ in range(3)]
    y = [(rows[:, :1] > 0).astype(np.float32) for rows in x]
    x[2][3, 1] = np.nan
    process = build_classifier_process(
        logistic_regression, (4,), client_optimizer=build_optimizer("sgd", 0.1), aggregator=name
    )

    def change(hospitals):
        data = [client_dataset(x[i], y[i], batch_size=8, order=None) for i in hospitals]
        start = process.initialize()
        before = process.get_model_weights(start).trainable
        end = process.get_model_weights(process.next(start, data).state).trainable
        return np.concatenate([(b - a).ravel() for a, b in zip(before, end, strict=True)])

    poisoned, healthy = change([0, 1, 2]), change([0, 1])
    assert np.abs(healthy).max() > 1e-3
    np.testing.assert_allclose(poisoned, healthy * (2 / 3 if name == "uniform-mean" else 1), atol=2e-5)
