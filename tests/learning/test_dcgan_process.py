"""The federated DCGAN: equal to a plain loop in one hospital, and at work with every choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from data.errors import SettingsError
from tff_health.learning.dcgan.labelled_rows import pack, unpack
from tff_health.learning.dcgan.process import build_dcgan_process
from tff_health.learning.dcgan.sampling import sample_images
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.dcgan.task import DcganTask
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.process import generator_weights, round_losses
from tff_health.runtime import execution_context
from tff_health.runtime.seeds import tf_seed

from plain_gan import SEED, PlainGan  # isort: skip (beside this file)
import tensorflow as tf  # isort: skip (after the project has silenced it)

SIZE = 8


@pytest.fixture(scope="module", autouse=True)
def context() -> Iterator[None]:
    with execution_context():
        yield


def rows(number: int, seed: int, labels: tuple[int, ...] = (0, 1)) -> np.ndarray:
    """Noise whose left or right half is bright, by class."""
    random = np.random.default_rng(seed)
    chosen = random.choice(labels, number)
    pixels = random.uniform(-1, -0.2, (number, SIZE, SIZE, 1)).astype(np.float32)
    for image, label in zip(pixels, chosen, strict=True):
        image[:, 4 * label : 4 * label + 4] += 1.0
    return pack(pixels, chosen, 2)


def settings(**changes: Any) -> DcganSettings:
    small: dict[str, Any] = {
        "batch_size": 6,
        "generator_batch_size": 8,
        "local_updates": 5,
        "generator_updates": 5,
        "latent_dim": 3,
        "generator_channels": 4,
        "discriminator_channels": 4,
    }
    return DcganSettings(**small | changes)


def run(tables: list[np.ndarray], own: DcganSettings, rounds: int, **options: Any) -> tuple[Any, dict[str, float]]:
    process = build_dcgan_process(SIZE, np.array([3, 1]), own, seed=SEED, **options)
    state, metrics = process.initialize(), None
    for number in range(rounds):
        data = [hospital_data(table, tf_seed(SEED, "round", place, number)) for place, table in enumerate(tables)]
        state, metrics = process.next(state, data)
    return state.global_model_weights, round_losses(metrics)


class PlainDcgan(PlainGan):
    """Radford et al. 2016 with R1, in eager TensorFlow."""

    def __init__(self, table: np.ndarray, own: DcganSettings) -> None:
        super().__init__(table, own, DcganTask(SIZE, np.array([3, 1]), own), beta_2=0.99)
        self.cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)

    def made(self, draw: dict[str, Any]) -> tf.Tensor:
        latent, classes = (tf.reshape(draw[name], [-1, draw[name].shape[-1]]) for name in ("latent", "classes"))
        images = self.generator([latent, classes], training=True)
        return tf.reshape(images, [*draw["latent"].shape[:-1], SIZE, SIZE, 1])

    @tf.function
    def critic_step(self, fake: tf.Tensor, draw: dict[str, Any]) -> None:
        classes, seed = draw["classes"], draw["seeds"]
        images, told = tf.concat([draw["images"], fake], 0), tf.concat([classes, classes], 0)
        if self.own.mismatch_weight:
            # Of two classes the other one.
            images, told = tf.concat([images, draw["images"]], 0), tf.concat([told, 1.0 - classes], 0)
        with tf.GradientTape() as tape:
            # In one pass, because every pass is a step of spectral normalisation's power iteration.
            scores = self.critic([images, told, seed], training=True)
            real, generated = scores[: len(fake)], scores[len(fake) : 2 * len(fake)]
            with tf.GradientTape() as inner:
                inner.watch(draw["images"])
                total = tf.reduce_sum(self.critic([draw["images"], classes, seed], training=True))
            slopes = tf.reshape(inner.gradient(total, draw["images"]), [len(real), -1])
            loss = self.cross_entropy(tf.ones_like(real), real) + self.cross_entropy(
                tf.zeros_like(generated), generated
            )
            if self.own.mismatch_weight:
                wrong = scores[2 * len(fake) :]
                loss += self.own.mismatch_weight * self.cross_entropy(tf.zeros_like(wrong), wrong)
            loss += self.own.penalty_weight * tf.reduce_mean(tf.reduce_sum(slopes**2, 1))
        variables = self.critic.trainable_variables
        self.critic_adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @tf.function
    def generator_step(self, draw: dict[str, Any]) -> None:
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            scores = self.critic([self.made(draw), draw["classes"], draw["seeds"]], training=True)
            loss = self.cross_entropy(tf.ones_like(scores), scores)
        self.generator_adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"discriminator_normalisation": "spectral"},
        {"mismatch_weight": 0.3, "balance": 0.7},
        {"generator_updates": 1},  # as many steps of the discriminator as Gulrajani et al. 2017 take
        {"local_updates": 2, "generator_updates": 5},  # few of the discriminator, as within a privacy budget
        {"mode": "average-both"},
        {"mode": "average-both", "local_updates": 6, "generator_updates": 2, "discriminator_normalisation": "spectral"},
    ],
)
def test_four_rounds_of_one_hospital_equal_a_plain_keras_loop(changes: dict[str, Any]) -> None:
    table, own = rows(30, 1), settings(**changes)
    weights, _ = run([table], own, rounds=4)
    plain = PlainDcgan(table, own)
    for number in range(4):
        plain.round(number)
    plain.assert_equal(weights)


@pytest.mark.parametrize(
    "changes",
    [
        {"conditional": False, "penalty": "none", "discriminator_normalisation": "batch"},
        {"loss": "hinge", "dropout": 0.3, "generator_normalisation": "group"},
        {"loss": "wasserstein", "penalty": "one-centred", "discriminator_normalisation": "group", "memory": "fresh"},
        {"mode": "average-both", "local_updates": 4, "generator_updates": 2, "generator_normalisation": "none"},
        {"loss": "hinge", "penalty": "none", "discriminator_normalisation": "spectral", "memory": "fresh"},
    ],
)
def test_every_choice_trains_hospitals_of_one_class_and_of_one_image(changes: dict[str, Any]) -> None:
    weights, losses = run([rows(20, 1), rows(9, 2, labels=(1,)), rows(1, 3)], settings(**changes), rounds=2)
    assert set(losses) == {"discriminator_loss", "score_gap", "gradient_penalty", "generator_loss"}
    assert np.isfinite(list(losses.values())).all()
    assert all(np.isfinite(values).all() for values in generator_weights(weights))


def test_three_classes_of_64_pixels() -> None:
    random = np.random.default_rng(1)
    pixels, labels = random.uniform(-1, 1, (12, 64, 64, 1)).astype(np.float32), np.arange(12) % 3
    own = settings(local_updates=4, generator_updates=2, discriminator_normalisation="spectral")
    process = build_dcgan_process(64, np.array([4, 4, 4]), own, seed=SEED)
    state = process.next(process.initialize(), [hospital_data(pack(pixels, labels, 3), tf_seed(SEED, "round"))]).state
    weights = generator_weights(state.global_model_weights)
    images = [sample_images(weights, 64, 3, own, np.full(2, label), 1) for label in range(3)]
    assert images[0].shape == (2, 64, 64, 1)
    # The same noise, another class, another image.
    for one, other in ((0, 1), (1, 2), (2, 0)):
        assert np.abs(images[one] - images[other]).max() > 0.01 * np.abs(images[one]).max()


def test_it_learns_which_half_is_bright() -> None:
    own = settings(
        batch_size=16, generator_batch_size=32, generator_channels=16, discriminator_channels=16,
        generator_learning_rate=2e-3, discriminator_learning_rate=2e-3, local_updates=10, generator_updates=10,
    )  # fmt: skip
    weights, _ = run([rows(40, seed) for seed in range(3)], own, rounds=25)
    task = DcganTask(SIZE, np.array([1, 1]), own)
    generator = task.build_networks().generator
    for variable, value in zip(
        [*generator.trainable_variables, *generator.non_trainable_variables], generator_weights(weights), strict=True
    ):
        variable.assign(value)
    latent = tf.random.stateless_normal([100, own.latent_dim], [1, 2])
    for label in (0, 1):
        classes = tf.one_hot(tf.fill([100], label), 2)
        images = generator([latent, classes], training=False).numpy()
        halves = images.reshape(100, SIZE, 2, 4).mean((1, 3))
        assert (halves[:, label] > halves[:, 1 - label] + 0.5).mean() > 0.9


def test_rows_are_images_and_their_classes() -> None:
    pixels = np.random.default_rng(0).uniform(-1, 1, (5, SIZE, SIZE, 1)).astype(np.float32)
    labels = np.array([0, 1, 2, 1, 0])
    packed = pack(pixels, labels, 3)
    images, classes = unpack(tf.constant(packed), SIZE)
    np.testing.assert_array_equal(images, pixels)
    np.testing.assert_array_equal(np.argmax(classes, 1), labels)
    with pytest.raises(ValueError, match="between 0 and 1"):
        pack(pixels, labels, 2)
    with pytest.raises(ValueError, match="labels must be"):
        pack(pixels, labels[:3], 3)
    with pytest.raises(ValueError, match="images must be"):
        pack(pixels[..., 0], labels, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"loss": "mse"}, "loss must be one of"),
        ({"penalty": "r2"}, "penalty must be one of"),
        ({"penalty_weight": -1.0}, "penalty_weight"),
        ({"mismatch_weight": -1.0}, "mismatch_weight"),
        ({"mismatch_weight": 0.3, "conditional": False}, "mismatch_weight"),
        ({"balance": 1.5}, "balance must lie between 0 and 1, not 1.5"),
        ({"balance": 0.5, "conditional": False}, "leave balance 0"),
        ({"discriminator_normalisation": "batch"}, "no meaning"),
        ({"generator_normalisation": "layer"}, "generator_normalisation"),
        ({"generator_normalisation": "spectral"}, "generator_normalisation"),
        ({"mode": "average-both", "local_updates": 3, "generator_updates": 2}, "multiple"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(**changes)


def test_classes_need_counts() -> None:
    with pytest.raises(ValueError, match="counts of classes"):
        DcganTask(SIZE, np.array([0, 0]), settings())


def test_a_mismatched_class_is_another_one_and_any_of_them() -> None:
    pixels = np.zeros((9, SIZE, SIZE, 1), np.float32)
    table = tf.constant(pack(pixels, np.arange(9) % 3, 3))
    task = DcganTask(SIZE, np.ones(3), settings(mismatch_weight=0.3))
    draw = task.critic_draws(table, 40, tf.constant([1, 2], tf.int64))
    own, others = (tf.argmax(draw[name], -1).numpy().ravel() for name in ("classes", "others"))
    assert (draw["others"].numpy().sum(-1) == 1).all()
    assert set(zip(own, others, strict=True)) == {(a, b) for a in range(3) for b in range(3) if a != b}


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.1), (0.5, 0.25), (1.0, 0.5)])
def test_classes_are_trained_on_as_alike_as_asked_for(balance: float, share: float) -> None:
    counts = np.array([90, 10, 0])
    task = DcganTask(SIZE, counts, settings(balance=balance, generator_batch_size=50))
    whole = pack(np.zeros((100, SIZE, SIZE, 1), np.float32), np.repeat([0, 1], [90, 10]), 3)
    drawn = [
        task.critic_draws(tf.constant(whole), 2000, tf.constant([1, 2], tf.int64)),
        task.generator_draws(None, 400, tf.constant([3, 4], tf.int64)),
        task.generator_draws(tf.constant(whole), 2000, tf.constant([5, 6], tf.int64)),
    ]
    for found in drawn:
        classes = found["classes"].numpy().reshape(-1, 3)
        assert classes[:, 1].mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(classes)))
        assert not classes[:, 2].any()
    # A hospital of half and half favours the rarer class as all of them do, so that together they reach the share.
    half = pack(np.zeros((20, SIZE, SIZE, 1), np.float32), np.repeat([0, 1], 10), 3)
    own = task.critic_draws(tf.constant(half), 2000, tf.constant([1, 2], tf.int64))["classes"].numpy()[..., 1].mean()
    odds = share / (1 - share) * 9
    assert own == pytest.approx(odds / (1 + odds), abs=0.03)


def test_every_image_of_a_class_is_drawn_as_often() -> None:
    pixels = np.tile(np.linspace(-1, 1, 20, dtype=np.float32)[:, None, None, None], (1, SIZE, SIZE, 1))
    task = DcganTask(SIZE, np.array([15, 5]), settings(balance=1.0))
    table = tf.constant(pack(pixels, np.repeat([0, 1], [15, 5]), 2))
    seen = task.critic_draws(table, 4000, tf.constant([1, 2], tf.int64))["images"].numpy()[..., 0, 0, 0].ravel()
    values, times = np.unique(seen, return_counts=True)
    assert len(values) == 20
    expected = np.repeat([0.5 / 15, 0.5 / 5], [15, 5])
    np.testing.assert_allclose(times / len(seen), expected, atol=4 * np.sqrt(0.1 / len(seen)))
