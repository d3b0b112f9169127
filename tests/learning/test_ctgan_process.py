"""The federated CTGAN: equal to a plain loop, at home in awkward hospitals, and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from encoded_tables import LAYOUT, counts, encoded

from data.errors import SettingsError, UnknownNameError
from tff_health.learning.ctgan.process import build_ctgan_process
from tff_health.learning.ctgan.sampling import draw_conditions, sample_encoded
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.learning.ctgan.task import CtganTask
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.process import generator_weights, round_losses
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import tf_seed

from plain_gan import SEED, PlainGan  # isort: skip (beside this file)


@pytest.fixture(scope="module", autouse=True)
def context() -> Iterator[None]:
    with execution_context():
        yield


def settings(**changes: Any) -> CtganSettings:
    small: dict[str, Any] = {
        "batch_size": 8,
        "generator_batch_size": 12,
        "local_updates": 5,
        "generator_updates": 5,
        "latent_dim": 6,
        "generator_hidden": (16, 12),
        "critic_hidden": (16,),
        "generator_weight_decay": 1e-3,
    }
    return CtganSettings(**small | changes)


def run(tables: list[np.ndarray], own: CtganSettings, rounds: int, **options: Any) -> tuple[Any, dict[str, float]]:
    process = build_ctgan_process(LAYOUT, counts(*tables), own, seed=SEED, **options)
    state, metrics = process.initialize(), None
    for number in range(rounds):
        data = [hospital_data(rows, tf_seed(SEED, "round", place, number)) for place, rows in enumerate(tables)]
        state, metrics = process.next(state, data)
    return state.global_model_weights, round_losses(metrics)


def activated(logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    parts = []
    for s in LAYOUT.segments:
        own = logits[:, s.start : s.stop]
        soft = tf.nn.softmax((own + noise[:, s.start : s.stop]) / 0.2)
        parts.append(tf.tanh(own) if s.activation == "tanh" else soft)
    return tf.concat(parts, 1)


class PlainCtgan(PlainGan):
    """Xu et al. 2019, algorithm 1, in eager TensorFlow."""

    def __init__(self, rows: np.ndarray, own: CtganSettings) -> None:
        super().__init__(rows, own, CtganTask(LAYOUT, counts(rows), own), beta_2=0.9)

    @tf.function
    def critic_step(self, fake: tf.Tensor, draw: dict[str, Any]) -> None:
        real, condition, pac = draw["rows"], draw["condition"], self.own.pac
        share = tf.repeat(draw["mix"], pac)[:, None]
        with tf.GradientTape() as tape:
            both = self.critic(
                [tf.concat([real, fake], 0), tf.concat([condition] * 2, 0), draw["seeds"][0]], training=True
            )
            packs = len(both) // 2
            mixed = share * real + (1 - share) * fake
            with tf.GradientTape() as inner:
                inner.watch(mixed)
                scores = self.critic([mixed, condition, draw["seeds"][1]], training=True)
            slopes = tf.reshape(inner.gradient(scores, mixed), [packs, -1])
            penalty = tf.reduce_mean((tf.norm(slopes, axis=1) - 1) ** 2)
            loss = tf.reduce_mean(both[packs:]) - tf.reduce_mean(both[:packs]) + 10 * penalty
        variables = self.critic.trainable_variables
        self.critic_adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @tf.function
    def generator_step(self, draw: dict[str, Any]) -> None:
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.generator([draw["latent"], draw["condition"]], training=True)
            fake = activated(logits, draw["gumbel"])
            loss = -tf.reduce_mean(self.critic([fake, draw["condition"], draw["seeds"]], training=True))
            position, entropies = 0, []
            for segment in LAYOUT.conditions:
                asked = draw["condition"][:, position : position + segment.size]
                own = tf.nn.softmax_cross_entropy_with_logits(asked, logits[:, segment.start : segment.stop])
                entropies.append(own * tf.reduce_sum(asked, 1))
                position += segment.size
            loss += tf.reduce_mean(tf.add_n(entropies))
        decay = self.own.generator_weight_decay
        gradients = [g + decay * v for g, v in zip(tape.gradient(loss, variables), variables, strict=True)]
        self.generator_adam.apply_gradients(zip(gradients, variables, strict=True))

    def made(self, draw: dict[str, Any]) -> tf.Tensor:
        flat = {name: tf.reshape(draw[name], [-1, draw[name].shape[-1]]) for name in ("latent", "condition", "gumbel")}
        rows = activated(self.generator([flat["latent"], flat["condition"]], training=True), flat["gumbel"])
        return tf.reshape(rows, [*draw["latent"].shape[:-1], LAYOUT.width])


@pytest.mark.parametrize("mode", ["server-generator", "average-both"])
def test_twenty_updates_of_one_hospital_equal_a_plain_loop(mode: str):
    rows, own = encoded(40, 1), settings(mode=mode, memory="kept")
    weights, _ = run([rows], own, rounds=4)
    plain = PlainCtgan(rows, own)
    for number in range(4):
        plain.round(number)
    plain.assert_equal(weights)


@pytest.mark.parametrize("mode", ["server-generator", "average-both"])
def test_awkward_hospitals(mode: str):
    tables = [encoded(60, 1), encoded(16, 2, categories=(0, 2)), encoded(30, 3, target=1), encoded(1, 4)]
    weights, losses = run(tables, settings(mode=mode, batch_size=20, pac=10, generator_batch_size=20), rounds=2)
    assert set(losses) == {"critic_loss", "wasserstein", "gradient_penalty", "generator_loss", "condition_loss"}
    assert np.isfinite(list(losses.values())).all()
    assert all(np.isfinite(values).all() for values in generator_weights(weights))


@pytest.mark.parametrize(
    "changes",
    [
        {"conditional": False, "pac": 1},
        {"training_by_sampling": False, "normalisation": "layer", "dropout": 0.0},
        {"normalisation": "group", "critic_hidden": (), "generator_hidden": (16,)},
    ],
)
def test_every_choice_trains_and_samples(changes: dict[str, Any]):
    own, rows = settings(**changes), encoded(40, 1)
    weights, losses = run([rows], own, rounds=1)
    assert np.isfinite(list(losses.values())).all()
    conditions = draw_conditions(LAYOUT, counts(rows), 30, seed=1)
    assert_valid(sample_encoded(generator_weights(weights), LAYOUT, own, conditions, seed=1), 30)


def assert_valid(rows: np.ndarray, count: int) -> None:
    assert rows.shape == (count, LAYOUT.width)
    assert rows.dtype == np.float32
    for segment in LAYOUT.segments:
        part = rows[:, segment.start : segment.stop]
        if segment.activation == "tanh":
            assert (np.abs(part) <= 1).all()
        else:
            assert (part.max(1) == 1).all()
            assert (part.sum(1) == 1).all()


def test_what_it_learns():
    """The mode of `age` is the target's class in every real row; the generator finds that out, and obeys conditions."""
    tables = [encoded(50, seed) for seed in range(3)]
    own = settings(
        pac=1, local_updates=20, generator_updates=20, generator_hidden=(64,), critic_hidden=(64,), dropout=0.0
    )
    own = CtganSettings(**vars(own) | {"generator_learning_rate": 2e-3, "critic_learning_rate": 2e-3})
    weights, losses = run(tables, own, rounds=30)
    arrays = generator_weights(weights)
    conditions = np.zeros((400, LAYOUT.condition_width), np.float32)
    conditions[:200, LAYOUT.condition_start("target")] = 1
    conditions[200:, LAYOUT.condition_start("target") + 1] = 1
    rows = sample_encoded(arrays, LAYOUT, own, conditions, seed=1)
    assert_valid(rows, 400)
    target = rows[:, 12] == 1
    assert (target == (np.arange(400) >= 200)).mean() > 0.95
    assert (target == (rows[:, 2] == 1)).mean() > 0.85
    np.testing.assert_array_equal(rows, sample_encoded(arrays, LAYOUT, own, conditions, seed=1))
    assert (rows != sample_encoded(arrays, LAYOUT, own, conditions, seed=2)).any()
    # Rows that nothing was asked of follow real frequencies, although training drew by log frequency.
    free = sample_encoded(arrays, LAYOUT, own, draw_conditions(LAYOUT, counts(*tables), 2000, 1), seed=3)
    real = np.concatenate(tables)[:, 4].mean()
    assert free[:, 4].mean() == pytest.approx(real, abs=0.1)
    assert losses["condition_loss"] < 0.3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 9}, "multiple of pac"),
        ({"temperature": 0.0}, "temperature"),
        ({"dropout": 1.0}, "dropout"),
        ({"normalisation": "spectral"}, "normalisation"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"generator_hidden": (16, 0)}, "generator_hidden"),
        ({"mode": "both"}, "mode"),
        ({"beta_1": 1.0}, "betas"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], words: str):
    with pytest.raises(SettingsError, match=words):
        settings(**changes)


def test_a_users_network_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_networks.py").write_text(
        "import tensorflow as tf\n"
        "def linear(latent_dim, condition_width, layout_width, *, hidden, normalisation):\n"
        "    inputs = [tf.keras.Input((latent_dim,)), tf.keras.Input((condition_width,))]\n"
        "    joined = tf.keras.layers.Concatenate()(inputs)\n"
        "    return tf.keras.Model(inputs, tf.keras.layers.Dense(layout_width)(joined))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    weights, _ = run([encoded(20, 1)], settings(generator_network="my_networks:linear"), rounds=1)
    assert [np.shape(w) for w in generator_weights(weights)] == [(6 + LAYOUT.condition_width, LAYOUT.width), (13,)]
    with pytest.raises(UnknownNameError, match="generator network"):
        build_ctgan_process(LAYOUT, counts(encoded(5, 1)), settings(generator_network="my_networks:no"), seed=1)
