"""Batched shadow training against TFF's own rounds, and what it must never do."""

import time

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import SettingsError, WrongKindError
from models.classifier import logistic_regression, mlp
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.keras_model import Predictor
from tff_health.learning.optimizers import build_optimizer, build_server_adam
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.learning.proximal import ProximalOptimizer
from tff_health.privacy.membership.batched_training import BatchedFederatedTraining, build_train_shadows
from tff_health.privacy.membership.inference import run_membership_inference
from tff_health.privacy.membership.shadow_batches import sampled_batches
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import stream

SEED, WIDTH, ROUNDS = 3, 4, 3
SIZES = {"a": 50, "b": 20, "c": 33}


def deep(shape):
    return tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(shape),
            tf.keras.layers.Dense(6, use_bias=False),
            tf.keras.layers.LeakyReLU(),
            tf.keras.layers.Dense(5, activation="tanh"),
            tf.keras.layers.Dense(1),
            tf.keras.layers.Activation("sigmoid"),
        ]
    )


@pytest.fixture(scope="module", autouse=True)
def context():
    with execution_context() as installed:
        yield installed


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(sum(SIZES.values()), WIDTH)).astype(np.float32)
    labels = (features.sum(1) + rng.normal(size=len(features)) > 0).astype(np.float32)
    return features, labels, np.repeat(list(SIZES), list(SIZES.values()))


@pytest.fixture(scope="module")
def masks(pool):
    """Shadow 0 trains on everybody; the others on halves."""
    drawn = np.random.default_rng(1).random((3, len(pool[0]))) < 0.5
    drawn[0] = True
    return drawn


def last(rounds):
    *_, weights = rounds
    return weights


def tff_weights(process, pool, start, *, batch_size=8, epochs=2):
    weights = tff.learning.models.ModelWeights(tuple(start), ())
    state = process.set_model_weights(process.initialize(), weights)
    for number in range(1, ROUNDS + 1):
        batches = [
            client_dataset(
                pool[0][pool[2] == name],
                pool[1][pool[2] == name, np.newaxis],
                batch_size=batch_size,
                epochs=epochs,
                order=stream(SEED, "order", name, 0, number),
            )
            for name in SIZES
        ]
        state = process.next(state, batches).state
    return process.get_model_weights(state).trainable


def sgd(rate=0.1):
    return build_optimizer("sgd", rate)


CASES = {
    "fedavg-logistic": (logistic_regression, {}, {}),
    "fedavg-mlp-momentum": (mlp, {"client_optimizer": build_optimizer("momentum", 0.05)}, {}),
    "fedavg-deep-adam": (deep, {"client_optimizer": build_optimizer("adam", 0.01)}, {}),
    "uniform": (mlp, {}, {"weighting": "uniform", "aggregator": "uniform-mean"}),
    "fedprox": (logistic_regression, {"client_optimizer": ProximalOptimizer(sgd(), 0.5)}, {}),
    "fedadam": (logistic_regression, {"server_optimizer": build_server_adam(0.1)}, {}),
    "fedyogi": (mlp, {"server_optimizer": build_optimizer("yogi", 0.1)}, {}),
    "fedadagrad": (logistic_regression, {"server_optimizer": build_optimizer("adagrad", 0.1)}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_full_mask_equals_the_federated_process(case, pool, masks):
    model, optimizers, mean = CASES[case]
    optimizers = {"client_optimizer": sgd(), **optimizers}
    training = BatchedFederatedTraining(model, (WIDTH,), weighting=mean.get("weighting", "examples"), **optimizers)
    start = [value[0] for value in training.network.initial_weights([np.random.SeedSequence(7)])]
    shadows = last(training.rounds(*pool, masks, rounds=ROUNDS, seed=SEED, epochs=2, batch_size=8, initial=start))
    process = build_classifier_process(model, (WIDTH,), aggregator=mean.get("aggregator", "mean"), **optimizers)
    expected = tff_weights(process, pool, start)
    for ours, theirs, begun in zip(shadows, expected, start, strict=True):
        np.testing.assert_allclose(ours[0], theirs, atol=1e-4)
        assert np.abs(theirs - begun).max() > 1e-3
    predicted = Predictor(model, (WIDTH,))(tff.learning.models.ModelWeights(tuple(expected), ()), pool[0])
    np.testing.assert_allclose(training.scores(shadows, pool[0])[0], predicted, atol=1e-4)


def test_a_partial_mask_equals_training_on_those_rows_alone(pool, masks):
    """Shadow 2's rows given to TFF as the hospitals' only ones, in the orders of repeat 2."""
    features, labels, hospitals = pool
    training = BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=sgd())
    start = [value[0] for value in training.network.initial_weights([np.random.SeedSequence(7)])]
    shadows = last(training.rounds(*pool, masks, rounds=1, seed=SEED, epochs=2, batch_size=8, initial=start))
    process = build_classifier_process(mlp, (WIDTH,), client_optimizer=sgd())
    state = process.set_model_weights(process.initialize(), tff.learning.models.ModelWeights(tuple(start), ()))
    own = [masks[2] & (hospitals == name) for name in SIZES]
    batches = [
        client_dataset(
            features[rows],
            labels[rows, np.newaxis],
            batch_size=8,
            epochs=2,
            order=stream(SEED, "order", name, 2, 1),
        )
        for name, rows in zip(SIZES, own, strict=True)
    ]
    expected = process.get_model_weights(process.next(state, batches).state).trainable
    for ours, theirs in zip(shadows, expected, strict=True):
        np.testing.assert_allclose(ours[2], theirs, atol=1e-4)


def private(**changes):
    return PatientLevelDp(**{"clip": 0.5, "noise_multiplier": 1e-9, "hospitals": 3, "local_steps": 2, **changes})


@pytest.mark.parametrize(
    ("model", "privacy"),
    [
        (logistic_regression, private()),
        (deep, private(clip=0.2)),
        (mlp, private(clip=0.2, clipping="per-layer")),
        (logistic_regression, private(expected_batch=30.0)),
    ],
)
def test_private_training_equals_the_federated_process_but_for_noise(model, privacy, pool, masks):
    optimizers = {"client_optimizer": sgd(0.5)}
    training = BatchedFederatedTraining(model, (WIDTH,), weighting="uniform", privacy=privacy, **optimizers)
    start = [value[0] for value in training.network.initial_weights([np.random.SeedSequence(7)])]
    ours = last(training.rounds(*pool, masks, rounds=ROUNDS, seed=SEED, initial=start))
    process = build_classifier_process(model, (WIDTH,), aggregator="uniform-mean", privacy=privacy, **optimizers)
    for shadow, expected in zip(ours, tff_weights(process, pool, start, epochs=1), strict=True):
        np.testing.assert_allclose(shadow[0], expected, atol=1e-4)
    plain = BatchedFederatedTraining(
        model, (WIDTH,), weighting="uniform", privacy=private(clip=1e3, local_steps=2), **optimizers
    )
    unclipped = last(plain.rounds(*pool, masks, rounds=ROUNDS, seed=SEED, initial=start))
    assert max(np.abs(a - b).max() for a, b in zip(ours, unclipped, strict=True)) > 1e-3


@pytest.mark.parametrize("noise", ["each-hospital", "shared"])
def test_noise_has_the_claimed_size_and_is_each_hospitals_own(noise, pool):
    """A round's change is (clipped sums + noise) / (hospitals x batch): its spread over 400 shadows is the noise's.

    2,000 independent values: the spread's relative standard error is 1.6 %, so 9 % is missed once in 5e7 runs. The
    same noise in every hospital would make it sqrt(3) times as large, the same in every shadow zero.
    """
    dp = private(noise_multiplier=2.0, local_steps=1, noise=noise, expected_batch=25.0)
    training = BatchedFederatedTraining(
        logistic_regression, (WIDTH,), client_optimizer=sgd(1.0), weighting="uniform", privacy=dp
    )
    everyone = np.ones((400, len(pool[0])), bool)
    kernel, bias = last(training.rounds(*pool, everyone, rounds=1, seed=SEED))
    changes = np.concatenate([kernel[:, :, 0], bias], axis=1)
    full = 0.5 * 2.0 / 25.0  # of one hospital with all of the noise
    claimed = full / np.sqrt(3) if noise == "each-hospital" else full / 3
    assert (changes - changes.mean(axis=0)).std() == pytest.approx(claimed, rel=0.09)
    again = last(training.rounds(*pool, everyone, rounds=1, seed=SEED))
    assert np.abs(again[0] - kernel).min() > 0  # fresh at every call: no seed gives it back


def test_poisson_samples_take_rows_at_their_rate_and_may_be_empty():
    members = [np.arange(1000), np.arange(2000, 2002)]
    batches = sampled_batches(members, steps=200, rate=0.1, rng=np.random.default_rng(2))
    taken = batches.present.sum(axis=2)
    assert taken[:, 0].mean() == pytest.approx(100, abs=4)  # standard deviation .7
    assert (taken[:, 1] == 0).sum() > 100
    assert batches.active.all()  # an empty sample is a step too
    drawn = batches.rows[:, 1][batches.present[:, 1] > 0]
    assert set(drawn) == {2000, 2001}


def test_rows_outside_a_shadow_do_not_touch_it(pool, masks):
    features, labels, hospitals = pool
    outside = ~masks[1]
    changed, flipped = features.copy(), labels.copy()
    changed[outside] = 1e6
    flipped[outside] = 1 - flipped[outside]
    start = [np.full(shape, 0.1, np.float32) for shape in ((WIDTH, 64), (64,), (64, 1), (1,))]
    for settings in (
        {"client_optimizer": build_optimizer("adam", 0.01)},
        {"client_optimizer": sgd(), "weighting": "uniform", "privacy": private(noise_multiplier=1e-30)},
    ):
        training = BatchedFederatedTraining(mlp, (WIDTH,), **settings)
        one, other = (
            last(training.rounds(x, y, hospitals, masks, rounds=2, seed=SEED, epochs=2, batch_size=8, initial=start))
            for x, y in ((features, labels), (changed, flipped))
        )
        for before, after in zip(one, other, strict=True):
            np.testing.assert_array_equal(before[1], after[1])
        assert any((before[0] != after[0]).any() for before, after in zip(one, other, strict=True))


def test_shadows_beside_a_shadow_do_not_touch_it(pool, masks):
    training = BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=build_optimizer("adam", 0.01))
    settings = {"rounds": 2, "seed": SEED, "epochs": 2, "batch_size": 8}
    together = last(training.rounds(*pool, masks, **settings))
    alone = last(training.rounds(*pool, masks[:1], **settings))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-6)


def test_a_diverging_hospital_does_not_poison_the_mean(pool, masks):
    features, labels, hospitals = pool
    huge = np.where((hospitals == "b")[:, np.newaxis], np.float32(3e38), features)
    training = BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=sgd())
    settings = {"rounds": 1, "seed": SEED, "epochs": 1, "batch_size": 8}
    weights = last(training.rounds(huge, labels, hospitals, masks, **settings))
    without = last(training.rounds(features, labels, hospitals, masks & (hospitals != "b"), **settings))
    for one, other in zip(weights, without, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_averaged_iterates_are_the_mean_over_rounds(pool, masks):
    training = BatchedFederatedTraining(logistic_regression, (WIDTH,), client_optimizer=sgd())
    settings = {"rounds": 3, "seed": SEED, "batch_size": 16}
    each = list(training.rounds(*pool, masks, **settings))
    mean = [np.mean(values, axis=0) for values in zip(*each, strict=True)]
    averaged = build_train_shadows(training, *pool, average_after=0, **settings)(masks)
    np.testing.assert_allclose(averaged, training.scores(mean, pool[0]), atol=1e-6)
    final = build_train_shadows(training, *pool, **settings)(masks)
    np.testing.assert_allclose(final, training.scores(each[-1], pool[0]))
    assert np.abs(final - averaged).max() > 1e-3


def test_shadows_start_from_weights_of_their_own(pool, masks):
    training = BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=sgd(1e-9))
    kernel = last(training.rounds(*pool, masks, rounds=1, seed=SEED))[0]
    again = last(training.rounds(*pool, masks, rounds=1, seed=SEED))[0]
    np.testing.assert_array_equal(kernel, again)
    assert np.abs(kernel[0] - kernel[1]).max() > 0.01
    limit = np.sqrt(6 / (WIDTH + 64))  # Glorot's
    assert 0.9 * limit < np.abs(kernel).max() <= limit + 1e-6


def test_the_whole_attack_on_an_overfitted_federation(pool):
    """Random labels and 200 epochs in all: members are learnt by heart, and LiRA with batched shadows shows it."""
    hospitals = pool[2]
    rng = np.random.default_rng(5)
    features = rng.normal(size=(len(hospitals), 20)).astype(np.float32)
    labels = rng.integers(0, 2, len(features))
    is_member = rng.random(len(features)) < 0.5
    training = BatchedFederatedTraining(mlp, (20,), client_optimizer=build_optimizer("adam", 0.01))
    settings = {"rounds": 10, "epochs": 20, "batch_size": 64}
    target = build_train_shadows(training, features, labels, hospitals, seed=1, **settings)(is_member[np.newaxis])[0]
    shadows = build_train_shadows(training, features, labels, hospitals, seed=2, **settings)
    found = run_membership_inference(
        target, labels, hospitals, is_member, shadows, rng=rng, resamples=100, permutations=99
    )
    assert found.headline.low > 0.6


def test_sixteen_shadows_of_the_heart_model_take_under_a_second():
    """Five hospitals of up to 250 rows and 13 features, five rounds: about .1 s, and ten times that is allowed."""
    rng = np.random.default_rng(6)
    hospitals = np.repeat(list("abcde"), [250, 200, 100, 90, 100])
    features = rng.normal(size=(740, 13)).astype(np.float32)
    labels = (features.sum(axis=1) > 0).astype(int)
    training = BatchedFederatedTraining(logistic_regression, (13,), client_optimizer=sgd())
    train = build_train_shadows(training, features, labels, hospitals, rounds=5, seed=1, epochs=5, batch_size=256)
    drawn = rng.random((16, 740)) < 0.66
    train(drawn)
    clock = time.perf_counter()
    scores = train(drawn)
    assert time.perf_counter() - clock < 1.0
    assert ((scores > 0.5) == labels).mean() > 0.9


def with_layers(*layers):
    return lambda shape: tf.keras.Sequential([tf.keras.layers.InputLayer(shape), *layers])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (with_layers(tf.keras.layers.Dense(4), tf.keras.layers.Dropout(0.5), tf.keras.layers.Dense(1)), "not Dropout"),
        (with_layers(tf.keras.layers.Dense(1)), "sigmoid"),
        (with_layers(tf.keras.layers.Dense(2, activation="sigmoid")), "one unit"),
        (with_layers(tf.keras.layers.Dense(1, "sigmoid", kernel_regularizer="l2")), "regulariser"),
        (lambda shape: "a model", "Sequential"),
    ],
)
def test_other_models_are_refused_so_that_callers_train_one_by_one(model, message):
    with pytest.raises(WrongKindError, match=message):
        BatchedFederatedTraining(model, (WIDTH,), client_optimizer=sgd())


def test_other_settings_are_refused(pool, masks):
    with pytest.raises(WrongKindError, match="SGD"):
        BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=tf.keras.optimizers.SGD(0.1))
    with pytest.raises(WrongKindError, match="Adafactor"):
        BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=tff.learning.optimizers.build_adafactor(0.1))
    with pytest.raises(SettingsError, match="weighted aggregation under a guarantee"):
        BatchedFederatedTraining(mlp, (WIDTH,), client_optimizer=sgd(), privacy=private())
    training = BatchedFederatedTraining(logistic_regression, (WIDTH,), client_optimizer=sgd())
    with pytest.raises(ValueError, match="disagree"):
        last(training.rounds(*pool, masks[:, :5], rounds=1, seed=1))
    with pytest.raises(ValueError, match="must be bool"):
        last(training.rounds(*pool, masks & False, rounds=1, seed=1))
    with pytest.raises(ValueError, match="2 weights, not 1"):
        last(training.rounds(*pool, masks, rounds=1, seed=1, initial=[np.zeros((WIDTH, 1))]))
    broken = pool[0].copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        last(training.rounds(broken, *pool[1:], masks, rounds=1, seed=1))
