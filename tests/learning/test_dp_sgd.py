"""DP-SGD in hospitals, held to NumPy where its noise vanishes and to chi-square bounds where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import SettingsError
from models.classifier import logistic_regression, mlp
from tff_health.aggregators.secure_mean import build_secure_mean
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.dp_sgd import ExecutedDifferentlyError, check_executed
from tff_health.learning.keras_model import initial_weights
from tff_health.learning.optimizers import build_optimizer
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context

# Each statistical assertion fails by chance once in a million runs.
FLAKE = 1e-6
SILENT = 1e-9  # a noise multiplier that no float32 weight can see
WIDTH = 6
ROWS = (40, 25, 60)


@pytest.fixture(scope="module", autouse=True)
def context() -> Iterator[None]:
    with execution_context():
        yield


def hospitals(rows: tuple[int, ...] = ROWS, width: int = WIDTH) -> list[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(5)
    tables = []
    for number in rows:
        features = generator.normal(size=(number, width)).astype(np.float32) * 3
        labels = (features[:, :1] + generator.normal(size=(number, 1)) > 0).astype(np.float32)
        tables.append((features, labels))
    return tables


def datasets(tables: list[tuple[np.ndarray, np.ndarray]], batch_size: int = 1000) -> list[tf.data.Dataset]:
    return [client_dataset(x, y, batch_size=batch_size, order=None) for x, y in tables]


def silent(**changes: Any) -> PatientLevelDp:
    return PatientLevelDp(**({"clip": 0.5, "noise_multiplier": SILENT, "hospitals": len(ROWS)} | changes))


def build(privacy: PatientLevelDp, model: Any = logistic_regression, width: int = WIDTH, **changes: Any) -> Any:
    arguments = {"client_optimizer": build_optimizer("sgd", 0.7), "aggregator": "uniform-mean"} | changes
    return build_classifier_process(model, (width,), privacy=privacy, **arguments)


def numpy_clipped_descent(
    tables: list[tuple[np.ndarray, np.ndarray]],
    rounds: int,
    steps: int,
    clip: float,
    rate: float,
    divisors: list[float],
) -> np.ndarray:
    """Logistic regression by clipped full-batch steps in every hospital and the mean of the results; [width + 1]."""
    weights = np.zeros(tables[0][0].shape[1] + 1)
    for _ in range(rounds):
        results = []
        for (features, labels), divisor in zip(tables, divisors, strict=True):
            own, inputs = weights.copy(), np.c_[features, np.ones(len(features))].astype(np.float64)
            for _ in range(steps):
                scores = 1 / (1 + np.exp(-inputs @ own))
                gradients = (scores - labels[:, 0])[:, np.newaxis] * inputs
                norms = np.linalg.norm(gradients, axis=1, keepdims=True)
                own -= rate * (gradients * np.minimum(1, clip / norms)).sum(0) / divisor
            results.append(own)
        weights = np.mean(results, axis=0)
    return weights


def flat(weights: Any) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in weights.trainable])


@pytest.mark.parametrize("expected_batch", [None, 41.5])
@pytest.mark.parametrize("batch_size", [7, 1000])
def test_equals_numpy_without_noise(expected_batch: float | None, batch_size: int) -> None:
    tables = hospitals()
    privacy = silent(local_steps=4, expected_batch=expected_batch)
    process = build(privacy)
    state = process.initialize()
    for _ in range(3):
        output = process.next(state, datasets(tables, batch_size))
        state = output.state
        check_executed(privacy, output.metrics["client_work"])
    divisors = [expected_batch or float(rows) for rows in ROWS]
    expected = numpy_clipped_descent(tables, 3, 4, 0.5, 0.7, divisors)
    np.testing.assert_allclose(flat(process.get_model_weights(state)), expected, atol=2e-5)


def test_a_loose_clip_gives_federated_averaging() -> None:
    tables = hospitals()
    private = build(silent(clip=1e4, noise_multiplier=1e-13, local_steps=5), model=mlp)
    plain = build_classifier_process(
        mlp, (WIDTH,), client_optimizer=build_optimizer("sgd", 0.7), aggregator="uniform-mean"
    )
    start = initial_weights(mlp, (WIDTH,), 3)
    states = [process.set_model_weights(process.initialize(), start) for process in (private, plain)]
    whole = [client_dataset(x, y, batch_size=1000, epochs=5, order=None) for x, y in tables]
    ends = [
        process.next(state, data).state.global_model_weights
        for process, state, data in zip((private, plain), states, (datasets(tables), whole), strict=True)
    ]
    np.testing.assert_allclose(flat(ends[0]), flat(ends[1]), atol=2e-5)


def test_shared_noise_through_a_secure_sum_is_one_descent_on_all_patients() -> None:
    tables = hospitals()
    mean = sum(ROWS) / len(ROWS)
    privacy = silent(noise="shared", expected_batch=mean)
    with execution_context(backend="test"):
        process = build(privacy, aggregator=build_secure_mean(len(ROWS), 50.0))
        state = process.initialize()
        for _ in range(6):
            state = process.next(state, datasets(tables)).state
    pooled = [(np.concatenate([x for x, _ in tables]), np.concatenate([y for _, y in tables]))]
    expected = numpy_clipped_descent(pooled, 6, 1, 0.5, 0.7, [float(sum(ROWS))])
    np.testing.assert_allclose(flat(state.global_model_weights), expected, atol=2e-5)


def test_works_with_an_adaptive_server_and_another_client_optimizer() -> None:
    process = build(
        silent(local_steps=2),
        client_optimizer=build_optimizer("adam", 0.05),
        server_optimizer=build_optimizer("yogi", 0.1),
        aggregator=tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(1e-6, len(ROWS), 1.0),
    )
    state = process.next(process.initialize(), datasets(hospitals())).state
    assert np.abs(flat(state.global_model_weights)).max() > 0.01


def pure_noise(privacy: PatientLevelDp, rounds: int, width: int = 4000, rows: int = 8) -> list[np.ndarray]:
    """Changes of the model in rounds where every record is empty, so that nothing but noise moves it."""
    empty = [
        (np.full((rows, width), np.nan, np.float32), np.ones((rows, 1), np.float32)) for _ in range(privacy.hospitals)
    ]
    process = build(privacy, width=width, client_optimizer=build_optimizer("sgd", 1.0))
    state, changes = process.initialize(), []
    for _ in range(rounds):
        before = flat(state.global_model_weights)
        state = process.next(state, datasets(empty)).state
        changes.append(flat(state.global_model_weights) - before)
    return changes


def assert_variance(samples: np.ndarray, stddev: float) -> None:
    statistic = float(np.sum((samples / stddev) ** 2))
    low, high = scipy.stats.chi2.ppf([FLAKE / 2, 1 - FLAKE / 2], samples.size)
    assert low < statistic < high, (np.std(samples), stddev)


@pytest.mark.parametrize("steps", [1, 3])
def test_noise_has_its_claimed_size_and_differs_by_hospital_step_and_round(steps: int) -> None:
    privacy = PatientLevelDp(clip=0.5, noise_multiplier=2.0, hospitals=4, local_steps=steps)
    changes = pure_noise(privacy, rounds=3)
    # Independent over hospitals, or the variance of the mean would not fall by their number; over steps likewise.
    stddev = 0.5 * 2.0 / 8 * np.sqrt(steps / 4)
    for change in changes:
        assert_variance(change, stddev)
        assert scipy.stats.kstest(change / stddev, "norm").pvalue > FLAKE
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert abs(scipy.stats.pearsonr(changes[first], changes[second])[0]) < 5 / np.sqrt(len(changes[0]))


def test_poisson_samples_follow_their_rate_and_the_divisor_is_the_expected_batch() -> None:
    # Every patient's clipped gradient is the same vector, so that the change counts the patients who were sampled.
    rate, rows, rounds = 0.2, 200, 60
    tables = [(np.full((rows, 1), 100.0, np.float32), np.ones((rows, 1), np.float32)) for _ in range(2)]
    privacy = PatientLevelDp(clip=1.0, noise_multiplier=1e-6, hospitals=2, sampling_rate=rate)
    process = build(privacy, width=1, client_optimizer=build_optimizer("sgd", 1e-6))
    state, counts = process.initialize(), []
    for _ in range(rounds):
        output = process.next(state, datasets(tables))
        before, state = flat(state.global_model_weights)[0], output.state
        counts.append((flat(state.global_model_weights)[0] - before) / 1e-6 * rate * rows)
    per_round = np.array(counts) * 2  # the mean over two hospitals becomes their sum
    low, high = scipy.stats.binom.ppf([FLAKE / 2, 1 - FLAKE / 2], 2 * rows * rounds, rate)
    assert low <= round(per_round.sum()) <= high
    spread = np.sum((per_round - 2 * rows * rate) ** 2) / (2 * rows * rate * (1 - rate))
    assert scipy.stats.chi2.ppf(FLAKE, rounds) < spread < scipy.stats.chi2.ppf(1 - FLAKE, rounds)


def test_empty_samples_are_steps_too() -> None:
    privacy = silent(sampling_rate=1e-4, local_steps=3)
    output = (process := build(privacy)).next(process.initialize(), datasets(hospitals()))
    check_executed(privacy, output.metrics["client_work"])
    assert np.isfinite(flat(output.state.global_model_weights)).all()


@pytest.mark.parametrize("poison", [np.nan, np.inf, 3e38])
def test_one_hospital_cannot_poison_the_model(poison: float) -> None:
    tables = hospitals()
    tables[1] = (np.full_like(tables[1][0], poison), tables[1][1])
    privacy = silent(local_steps=2)
    process = build(privacy)
    state = process.next(process.initialize(), datasets(tables)).state
    weights = flat(state.global_model_weights)
    assert np.isfinite(weights).all()
    # Its clipped gradients are all it can say: no more than rate x clip a step, and a third of that in the mean.
    without = [tables[0], (np.full_like(tables[1][0], np.nan), tables[1][1]), tables[2]]
    clean = flat(process.next(process.initialize(), datasets(without)).state.global_model_weights)
    assert np.linalg.norm(weights - clean) <= 2 * 0.7 * 0.5 / 3 * (1 + 1e-5)


def test_one_patient_moves_a_step_by_no_more_than_the_clip() -> None:
    tables = hospitals()
    outlier = [(x.copy(), y.copy()) for x, y in tables]
    outlier[2][0][0] = 1e30
    missing = [(x.copy(), y.copy()) for x, y in tables]
    missing[2][0][0] = np.nan
    process = build(silent(expected_batch=50.0))
    ends = [
        flat(process.next(process.initialize(), datasets(t)).state.global_model_weights) for t in (outlier, missing)
    ]
    assert np.linalg.norm(ends[0] - ends[1]) <= 0.7 * 0.5 / 50 / 3 * (1 + 1e-5)


def test_per_layer_clipping_runs() -> None:
    privacy = silent(clipping="per-layer", local_steps=2)
    process = build(privacy, model=mlp)
    output = process.next(process.initialize(), datasets(hospitals()))
    check_executed(privacy, output.metrics["client_work"])


def test_what_ran_is_held_against_what_is_accounted() -> None:
    privacy = silent(local_steps=2)
    process = build(privacy)
    measured = process.next(process.initialize(), datasets(hospitals())).metrics["client_work"]
    for changed in (
        silent(local_steps=3),
        silent(local_steps=2, sampling_rate=0.5),
        silent(local_steps=2, hospitals=4),
        silent(local_steps=2, noise_multiplier=1.0),
    ):
        with pytest.raises(ExecutedDifferentlyError, match="accounted"):
            check_executed(changed, measured)
    check_executed(privacy, measured)


@pytest.mark.parametrize("aggregator", ["mean", "robust"])
def test_weights_under_a_guarantee_are_refused(aggregator: str) -> None:
    with pytest.raises(SettingsError, match="eighted aggregation under a guarantee is refused"):
        build(silent(), aggregator=aggregator)


def test_shared_noise_without_a_secure_sum_is_refused() -> None:
    with pytest.raises(SettingsError, match="secure"):
        build(silent(noise="shared", expected_batch=10.0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip": 0.0}, "clip"),
        ({"noise_multiplier": 0.0}, "noise_multiplier"),
        ({"sampling_rate": 0.0}, "sampling_rate"),
        ({"noise": "shared", "expected_batch": 5.0, "local_steps": 2}, "one step a round"),
        ({"noise": "shared"}, "expected_batch"),
        ({"noise": "shared", "hospitals": 1, "expected_batch": 5.0}, "two hospitals"),
    ],
)
def test_values_no_guarantee_can_be_made_of(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        silent(**changes)


def test_events_follow_the_object() -> None:
    import dp_accounting as dp

    assert silent(local_steps=3).event(4) == dp.SelfComposedDpEvent(dp.GaussianDpEvent(SILENT), 12)
    sampled = dp.PoissonSampledDpEvent(0.25, dp.GaussianDpEvent(SILENT))
    assert silent(sampling_rate=0.25).event(2) == dp.SelfComposedDpEvent(sampled, 2)
    shared = silent(noise="shared", noise_multiplier=2.0, expected_batch=1.0)
    assert shared.noise_stddev == pytest.approx(0.5 * 2.0 / np.sqrt(3))
    assert shared.colluding_noise_multiplier == pytest.approx(2.0 * np.sqrt(2 / 3))
