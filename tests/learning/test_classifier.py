"""The federated processes against the same rounds written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from numpy_fedavg import Adam, Sgd, fedavg

from data.errors import UnknownNameError
from models.classifier import logistic_regression, mlp
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.keras_model import Predictor, initial_weights
from tff_health.learning.local_training import build_local_training
from tff_health.learning.optimizers import build_optimizer, build_server_adam
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import stream

SEED, WIDTH = 3, 4


@pytest.fixture(scope="module")
def hospitals():
    rng = np.random.default_rng(0)
    made = []
    for name, rows in (("a", 50), ("b", 20), ("c", 33)):
        x = rng.normal(size=(rows, WIDTH)).astype(np.float32)
        y = (x.sum(1, keepdims=True) + rng.normal(size=(rows, 1)) > 0).astype(np.float32)
        made.append((name, x, y))
    return made


@pytest.fixture(scope="module", autouse=True)
def context():
    with execution_context() as installed:
        yield installed


def datasets(hospitals, round_number, *, batch_size=8, epochs=2):
    return [
        client_dataset(x, y, batch_size=batch_size, epochs=epochs, order=stream(SEED, "order", n, 0, round_number))
        for n, x, y in hospitals
    ]


def trained(process, hospitals, model, rounds=3):
    state = process.set_model_weights(process.initialize(), initial_weights(model, (WIDTH,), 7))
    for k in range(1, rounds + 1):
        state = process.next(state, datasets(hospitals, k)).state
    return process.get_model_weights(state).trainable


CASES = {
    "fedavg": ({}, {}, mlp, Sgd, 0.1),
    "fedavg-logistic": ({}, {}, logistic_regression, Sgd, 0.1),
    "fedavg-uniform-mean": ({"aggregator": "uniform-mean"}, {"weighted": False}, mlp, Sgd, 0.1),
    "fedavg-uniform-weighting": ({"weighting": "uniform"}, {"weighted": False}, mlp, Sgd, 0.1),
    "fedavg-adam-clients": ({}, {}, mlp, Adam, 0.01),
    "fedprox": ({"proximal_strength": 0.5}, {"mu": 0.5}, mlp, Sgd, 0.1),
    "fedprox-uniform": (
        {"proximal_strength": 0.5, "aggregator": "uniform-mean"},
        {"mu": 0.5, "weighted": False},
        mlp,
        Sgd,
        0.1,
    ),
    "fedadam": ({"server_optimizer": build_server_adam(0.1)}, {"server": Adam(0.1, 1e-3)}, mlp, Sgd, 0.1),
}


@pytest.mark.parametrize("case", CASES)
def test_process_equals_numpy(case, hospitals):
    ours, theirs, model, optimizer, rate = CASES[case]
    process = build_classifier_process(
        model,
        (WIDTH,),
        client_optimizer=build_optimizer("adam" if optimizer is Adam else "sgd", rate),
        **ours,
    )
    assert isinstance(process, tff.learning.templates.LearningProcess)
    start = initial_weights(model, (WIDTH,), 7).trainable
    expected = fedavg(hospitals, start, optimizer(rate), rounds=3, epochs=2, batch_size=8, seed=SEED, **theirs)
    for got, want in zip(trained(process, hospitals, model), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("name", ["yogi", "adagrad"])
def test_adaptive_servers_differ_from_averaging_and_learn(name, hospitals):
    process = build_classifier_process(
        mlp, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1), server_optimizer=build_optimizer(name, 0.1)
    )
    plain = build_classifier_process(mlp, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1))
    weights, averaged = trained(process, hospitals, mlp), trained(plain, hospitals, mlp)
    assert max(np.abs(a - b).max() for a, b in zip(weights, averaged, strict=True)) > 1e-3
    predict = Predictor(mlp, (WIDTH,))
    x, y = (np.concatenate([h[i] for h in hospitals]) for i in (1, 2))
    scores = predict(tff.learning.models.ModelWeights(tuple(weights), ()), x)
    assert ((scores > 0.5) == (y[:, 0] > 0.5)).mean() > 0.7


def test_any_tff_factory_is_an_aggregator(hospitals):
    class Halving(tff.aggregators.UnweightedAggregationFactory):
        def create(self, value_type):
            inner = tff.aggregators.UnweightedMeanFactory().create(value_type)

            @tff.tensorflow.computation(value_type)
            def halve(value):
                return tf.nest.map_structure(lambda v: v / 2, value)

            @tff.federated_computation(
                inner.initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS)
            )
            def next_fn(state, value):
                mean = inner.next(state, value)
                return tff.templates.MeasuredProcessOutput(
                    mean.state, tff.federated_map(halve, mean.result), mean.measurements
                )

            return tff.templates.AggregationProcess(inner.initialize, next_fn)

    halving = build_classifier_process(
        logistic_regression, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1), aggregator=Halving()
    )
    mean = build_classifier_process(
        logistic_regression, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1), aggregator="uniform-mean"
    )
    for half, whole in zip(
        trained(halving, hospitals, logistic_regression, rounds=1),
        trained(mean, hospitals, logistic_regression, rounds=1),
        strict=True,
    ):
        np.testing.assert_allclose(half, whole / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["robust", "compressed"])
def test_catalogue_aggregators_train(name, hospitals):
    process = build_classifier_process(
        logistic_regression, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1), aggregator=name
    )
    weights = trained(process, hospitals, logistic_regression, rounds=2)
    assert np.isfinite(weights[0]).all()
    assert np.abs(weights[0]).max() > 0


def test_local_training_equals_one_hospital_federations(hospitals):
    train = build_local_training(mlp, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1))
    start = initial_weights(mlp, (WIDTH,), 7)
    together = train([start] * len(hospitals), datasets(hospitals, 1))
    for hospital, weights in zip(hospitals, together, strict=True):
        alone = fedavg([hospital], start.trainable, Sgd(0.1), rounds=1, epochs=2, batch_size=8, seed=SEED)
        for got, want in zip(weights.trainable, alone, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-5)


def test_models_that_cannot_be_federated_are_refused():
    def normalised(shape):
        layers = [tf.keras.layers.InputLayer(shape), tf.keras.layers.BatchNormalization()]
        return tf.keras.Sequential([*layers, tf.keras.layers.Dense(1, activation="sigmoid")])

    def two_outputs(shape):
        return tf.keras.Sequential([tf.keras.layers.InputLayer(shape), tf.keras.layers.Dense(2)])

    with pytest.raises(TypeError, match="group or layer normalisation"):
        build_classifier_process(normalised, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1))
    with pytest.raises(TypeError, match="one probability"):
        build_classifier_process(two_outputs, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1))


def test_unknown_aggregator_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'mean'"):
        build_classifier_process(mlp, (2,), client_optimizer=build_optimizer("sgd", 0.1), aggregator="meen")


def test_wrong_things_are_refused():
    with pytest.raises(TypeError, match=r"tff\.aggregators"):
        build_classifier_process(mlp, (2,), client_optimizer=build_optimizer("sgd", 0.1), aggregator=3)
    with pytest.raises(TypeError, match=r"not a tf\.keras\.Model"):
        build_classifier_process(lambda shape: 3, (2,), client_optimizer=build_optimizer("sgd", 0.1))
    with pytest.raises(ValueError, match="proximal_strength"):
        build_classifier_process(mlp, (2,), client_optimizer=build_optimizer("sgd", 0.1), proximal_strength=-1)


def test_initial_weights_follow_the_seed():
    one, same, other = (initial_weights(mlp, (WIDTH,), seed).trainable[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0


def test_a_predictor_outlives_the_building_of_processes(hospitals):
    predict = Predictor(mlp, (WIDTH,))
    build_classifier_process(mlp, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.1))
    scores = predict(initial_weights(mlp, (WIDTH,), 1), hospitals[0][1])
    assert scores.shape == (50,)
