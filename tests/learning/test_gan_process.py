"""Federated GAN processes on something that is no table, held to plain Keras loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from toy_gan import ToyGan, images

from data.errors import SettingsError
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.process import build_gan_process, generator_weights, round_losses
from tff_health.learning.gan.task import Networks, at_step
from tff_health.learning.gan.training import AdamSettings, GanTraining
from tff_health.learning.gan.weights import initial_weights, network_weights
from tff_health.runtime import nested
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import tf_seed

SEED = 11
# An epsilon well above rounding errors: Adam's first step is otherwise the sign of gradients that are all but zero.
ADAM = {
    "critic": AdamSettings(1e-3, epsilon=1e-3),
    "generator": AdamSettings(2e-3, epsilon=1e-3, weight_decay=1e-2),
}


@pytest.fixture(scope="module", autouse=True)
def context() -> Iterator[None]:
    with execution_context():
        yield


def training(**changes: Any) -> GanTraining:
    return GanTraining(**({"critic_updates": 4, "generator_updates": 2, **ADAM} | changes))


def hospital_seed(place: int, number: int) -> np.ndarray:
    return tf_seed(SEED, "round", place, number)


def run(process: Any, hospitals: list[np.ndarray], rounds: int, state: Any = None, first: int = 0) -> tuple[Any, Any]:
    state, metrics = process.initialize() if state is None else state, None
    for number in range(first, rounds):
        data = [hospital_data(rows, hospital_seed(place, number)) for place, rows in enumerate(hospitals)]
        state, metrics = process.next(state, data)
    return state, metrics


def flat(weights: Any) -> list[np.ndarray]:
    values = [network_weights(weights, name) for name in ("critic", "generator")]
    return [np.asarray(value) for value in tf.nest.flatten(values)]


class PlainLoop:
    """Keras models and Keras' Adam, stepped in Python; hospitals' models are averaged by NumPy."""

    def __init__(self, settings: GanTraining) -> None:
        self.task, self.settings = ToyGan(), settings
        self.models = self.task.build_networks()._asdict()
        start = initial_weights(self.task, settings, SEED)
        for name, model in self.models.items():
            weights, statistics = network_weights(start, name)
            for variable, value in zip(
                [*model.trainable_variables, *model.non_trainable_variables], [*weights, *statistics], strict=True
            ):
                variable.assign(value)
        self.optimizers: dict[str, Any] = {}

    def fresh(self, name: str) -> None:
        adam = self.settings.critic if name == "critic" else self.settings.generator
        self.optimizers[name] = tf.keras.optimizers.legacy.Adam(
            adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon
        )

    def step(self, name: str, loss: Any) -> None:
        variables = self.models[name].trainable_variables
        with tf.GradientTape() as tape:
            value = loss().value
        decay = (self.settings.critic if name == "critic" else self.settings.generator).weight_decay
        gradients = [g + decay * v for g, v in zip(tape.gradient(value, variables), variables, strict=True)]
        self.optimizers[name].apply_gradients(zip(gradients, variables, strict=True))

    def at_hospital(self, rows: np.ndarray, seed: np.ndarray) -> None:
        task, settings, networks = self.task, self.settings, Networks(**self.models)
        seeds = tf.random.experimental.stateless_split(seed, 2)
        draws = task.critic_draws(tf.constant(rows), settings.critic_updates, seeds[0])
        if settings.mode == "server-generator":
            fakes = task.fakes(networks.generator, draws)
            for k in range(settings.critic_updates):
                self.step("critic", lambda k=k: task.critic_loss(networks.critic, fakes[k], at_step(draws, k)))
            return
        turns = task.generator_draws(tf.constant(rows), settings.generator_updates, seeds[1])
        each = settings.critic_updates // settings.generator_updates
        for turn in range(settings.generator_updates):
            for k in range(turn * each, (turn + 1) * each):
                own = at_step(draws, k)
                fakes = task.fakes(networks.generator, own)
                self.step("critic", lambda own=own, fakes=fakes: task.critic_loss(networks.critic, fakes, own))
            self.step("generator", lambda turn=turn: task.generator_loss(networks, at_step(turns, turn)))

    def at_server(self, number: int) -> None:
        seed = tf.random.experimental.stateless_fold_in(tf_seed(SEED, "gan", "server"), number)
        draws = self.task.generator_draws(None, self.settings.generator_updates, seed)
        for k in range(self.settings.generator_updates):
            self.step("generator", lambda k=k: self.task.generator_loss(Networks(**self.models), at_step(draws, k)))

    def snapshot(self) -> list[np.ndarray]:
        return [v.numpy() for m in self.models.values() for v in m.variables]

    def restore(self, values: list[np.ndarray]) -> None:
        for variable, value in zip([v for m in self.models.values() for v in m.variables], values, strict=True):
            variable.assign(value)

    def run(self, hospitals: list[np.ndarray], rounds: int) -> list[np.ndarray]:
        server = self.settings.mode == "server-generator"
        for number in range(rounds):
            # What the hospitals do not train, they do not change.
            start, ends = self.snapshot(), []
            for place, rows in enumerate(hospitals):
                self.restore(start)
                for name in self.settings.trained_in_hospitals:
                    if self.settings.memory == "fresh" or number == 0:
                        self.fresh(name)
                self.at_hospital(rows, hospital_seed(place, number))
                ends.append(self.snapshot())
            sizes = np.array([len(rows) for rows in hospitals], np.float64)
            means = [np.average(np.stack(values), 0, sizes) for values in zip(*ends, strict=True)]
            trained = len(self.models["generator"].variables)
            self.restore([*start[:trained], *means[trained:]] if server else means)
            if server:
                if self.settings.memory == "fresh" or number == 0:
                    self.fresh("generator")
                critic = self.snapshot()[trained:]
                self.at_server(number)
                # The critic's statistics are of what hospitals judged.
                self.restore([*self.snapshot()[:trained], *critic])
        order = [self.models["critic"], self.models["generator"]]
        return [v.numpy() for m in order for v in [*m.trainable_variables, *m.non_trainable_variables]]


@pytest.mark.parametrize("memory", ["fresh", "kept"])
@pytest.mark.parametrize("mode", ["server-generator", "average-both"])
def test_one_hospital_equals_a_plain_loop(mode: str, memory: str):
    settings, rows = training(mode=mode, memory=memory), [images(30, 1)]
    state, _ = run(build_gan_process(ToyGan(), settings, seed=SEED), rows, rounds=5)
    expected = PlainLoop(settings).run(rows, rounds=5)
    for ours, plain in zip(flat(state.global_model_weights), expected, strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-4)


@pytest.mark.parametrize("mode", ["server-generator", "average-both"])
def test_hospitals_are_averaged_by_rows(mode: str):
    settings, rows = training(mode=mode), [images(30, 1), images(5, 2, mean=-1.0), images(12, 3)]
    state, metrics = run(build_gan_process(ToyGan(), settings, seed=SEED), rows, rounds=3)
    expected = PlainLoop(settings).run(rows, rounds=3)
    for ours, plain in zip(flat(state.global_model_weights), expected, strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-4)
    losses = round_losses(metrics)
    assert set(losses) == {"critic_loss", "generator_loss"}
    assert np.isfinite(list(losses.values())).all()


def test_five_identical_hospitals_are_one():
    process = build_gan_process(ToyGan(), training(), seed=SEED)
    rows = images(20, 4)
    one, five = process.initialize(), process.initialize()
    for number in range(3):
        data = hospital_data(rows, hospital_seed(0, number))
        one, five = process.next(one, [data]).state, process.next(five, [data] * 5).state
    for alone, together in zip(flat(one.global_model_weights), flat(five.global_model_weights), strict=True):
        np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize("memory", ["fresh", "kept"])
def test_a_saved_state_goes_on_where_it_stopped(memory: str):
    process = build_gan_process(ToyGan(), training(memory=memory), seed=SEED)
    rows = [images(30, 1), images(9, 2)]
    whole, _ = run(process, rows, rounds=4)
    half, _ = run(process, rows, rounds=2)
    description, arrays = nested.describe(half)
    again = build_gan_process(ToyGan(), training(memory=memory), seed=SEED)
    restored = nested.restore(again.initialize(), nested.rebuild(description, [a.copy() for a in arrays]))
    resumed, _ = run(again, rows, rounds=4, state=restored, first=2)
    for ours, theirs in zip(tf.nest.flatten(whole), tf.nest.flatten(resumed), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_hospital_that_breaks_or_has_no_rows_changes_nothing():
    process = build_gan_process(ToyGan(), training(), aggregator=tff.aggregators.MeanFactory(), seed=SEED)
    good, broken, empty = images(30, 1), np.full((7, 2, 2), np.nan, np.float32), images(0, 2)
    alone, metrics = run(process, [good], rounds=2)
    among, metrics_among = run(process, [good, broken, empty], rounds=2)
    for ours, theirs in zip(flat(alone.global_model_weights), flat(among.global_model_weights), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert round_losses(metrics) == pytest.approx(round_losses(metrics_among), abs=1e-5)
    nobody, metrics = run(process, [broken], rounds=1)
    assert all(np.isfinite(values).all() for values in flat(nobody.global_model_weights))
    for before, after in zip(
        tf.nest.flatten(network_weights(process.initialize().global_model_weights, "critic")),
        tf.nest.flatten(network_weights(nobody.global_model_weights, "critic")),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)
    assert round_losses(metrics)["critic_loss"] == 0.0


@pytest.mark.parametrize("aggregator", ["uniform-mean", "robust"])
def test_any_aggregator_and_any_server_optimizer(aggregator: str):
    adam = tff.learning.optimizers.build_adam(1e-3)
    process = build_gan_process(ToyGan(), training(), aggregator=aggregator, seed=SEED, server_optimizer=adam)
    state, _ = run(process, [images(30, 1), images(9, 2)], rounds=2)
    before = flat(process.initialize().global_model_weights)
    after = flat(state.global_model_weights)
    assert all(np.isfinite(values).all() for values in after)
    # Adam's first two steps of 1e-3 each, whatever the update's size.
    moved = np.abs(after[0] - before[0])
    assert 1e-4 < moved.max() <= 2.1e-3


def test_the_seed_decides_the_start_and_the_server():
    weights = [flat(initial_weights(ToyGan(), training(), seed)) for seed in (1, 1, 2)]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert any((a != b).any() for a, b in zip(weights[0], weights[2], strict=True))


def test_generator_weights_are_trainable_ones_then_statistics():
    start = initial_weights(ToyGan(), training(), SEED)
    model = ToyGan().build_networks().generator
    shapes = [tuple(v.shape) for v in [*model.trainable_variables, *model.non_trainable_variables]]
    assert [np.shape(w) for w in generator_weights(start)] == shapes


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "both"},
        {"memory": "averaged"},
        {"critic_updates": 0},
        {"mode": "average-both", "critic_updates": 3, "generator_updates": 2},
    ],
)
def test_impossible_training_is_refused(changes: dict[str, Any]):
    with pytest.raises(SettingsError, match="GAN:"):
        training(**changes)


@pytest.mark.parametrize("changes", [{"learning_rate": 0.0}, {"beta_1": 1.0}, {"weight_decay": -1.0}])
def test_impossible_adam_is_refused(changes: dict[str, float]):
    with pytest.raises(SettingsError, match="Adam:"):
        AdamSettings(**changes)


def test_hospital_data_must_be_typed():
    with pytest.raises(ValueError, match="float32"):
        hospital_data(np.zeros((3, 2)), tf_seed(1, "x"))
    with pytest.raises(ValueError, match="seed"):
        hospital_data(np.zeros((3, 2), np.float32), np.zeros(2, np.int32))


def test_rows_that_stand_for_more_weigh_as_many() -> None:
    process = build_gan_process(ToyGan(), training(memory="fresh"), seed=SEED)
    start = process.initialize()

    def change(*hospitals: tuple[np.ndarray, int]) -> np.ndarray:
        data = [hospital_data(rows, tf_seed(SEED, "rows", len(rows)), weight) for rows, weight in hospitals]
        after = process.next(start, data).state.global_model_weights
        pairs = zip(after.trainable["critic"], start.global_model_weights.trainable["critic"], strict=True)
        return np.concatenate([np.ravel(new - old) for new, old in pairs])

    one, other = (images(7, 1), 30), (images(9, 2), 10)
    np.testing.assert_allclose(change(one, other), (30 * change(one) + 10 * change(other)) / 40, atol=1e-7)
