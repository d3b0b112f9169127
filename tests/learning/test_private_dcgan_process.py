"""A round of the private DCGAN against the same in NumPy: what hospitals send, and the critic's first step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tff_health.learning.clipping.layer_groups import layer_groups
from tff_health.learning.dcgan.labelled_rows import pack
from tff_health.learning.dcgan.private_settings import PrivateDcganSettings
from tff_health.learning.dcgan.private_task import PrivateDcganTask
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.network import load_model
from tff_health.learning.gan.private_critic import build_private_gan_process
from tff_health.learning.gan.task import Networks
from tff_health.learning.gan.weights import network_weights
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import tf_seed

import tensorflow as tf  # isort: skip (after the project has silenced it)

SIZE, SEED = 8, 3
RANDOM = np.random.default_rng(0)
PUBLIC = RANDOM.uniform(-1, 1, (30, SIZE, SIZE, 1)).astype(np.float32)
IMAGES = [RANDOM.uniform(-1, 1, (rows, SIZE, SIZE, 1)).astype(np.float32) for rows in (7, 12)]
LABELS = [np.arange(7) % 2, (np.arange(12) % 4 == 0).astype(int)]
COUNTS = np.array([13.0, 6.0])
SETTINGS = PrivateDcganSettings(
    rounds=1,
    generator_updates=1,
    generator_batch_size=6,
    latent_dim=4,
    generator_channels=4,
    discriminator_channels=4,
    clip=0.9,
)


def patients_part(settings: PrivateDcganSettings) -> tuple[Networks, list[np.ndarray]]:
    """The networks before a round, and what patients added to the critic's gradient in it: what the critic's step is,
    but for the part of generated images, which is computed here."""
    task = PrivateDcganTask(SIZE, COUNTS, settings, PUBLIC)
    privacy = PatientLevelDp(
        clip=settings.clip, noise_multiplier=1e-6, hospitals=2, clipping=settings.clipping, expected_batch=1.0
    )
    rows = [pack(pixels, labels, 2) for pixels, labels in zip(IMAGES, LABELS, strict=True)]
    with execution_context():
        process = build_private_gan_process(
            task, settings.training(), privacy, [len(matrix) for matrix in rows], seed=SEED
        )
        start = process.initialize()
        data = [hospital_data(matrix, tf_seed(SEED, "round", place, 0)) for place, matrix in enumerate(rows)]
        before, after = (process.get_model_weights(state) for state in (start, process.next(start, data).state))
    networks = task.build_networks()
    load_model(networks.critic, *network_weights(before, "critic"))
    load_model(networks.generator, *network_weights(before, "generator"))
    seed = tf.constant(tf_seed(SEED, "gan", "server"))
    for number in (0, 0):  # the round, the turn
        seed = tf.random.experimental.stateless_fold_in(seed, number)
    fakes = task.fakes(networks.generator, task.draws(tf.random.experimental.stateless_split(seed, 2)[0]))
    with tf.GradientTape() as tape:
        loss = task.fake_loss(networks.critic, fakes)
    of_fakes = tape.gradient(loss, networks.critic.trainable_variables, unconnected_gradients="zero")
    steps = zip(network_weights(before, "critic")[0], network_weights(after, "critic")[0], of_fakes, strict=True)
    return networks, [(old - new) / settings.critic_learning_rate - fake.numpy() for old, new, fake in steps]


def test_hospitals_send_minus_the_mean_features_of_each_class() -> None:
    """Hospitals of different sizes: every image weighs the same."""
    networks, (found,) = patients_part(SETTINGS)
    expected = np.zeros_like(found)
    for image, label in zip(np.concatenate(IMAGES), np.concatenate(LABELS), strict=True):
        with tf.GradientTape() as tape:
            score = networks.critic([image[None], np.eye(2, dtype=np.float32)[[label]]])
        expected -= tape.gradient(score, networks.critic.trainable_variables)[0].numpy() / 19
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_what_generated_images_weigh() -> None:
    task = PrivateDcganTask(SIZE, COUNTS, SETTINGS, PUBLIC)
    networks = task.build_networks()
    networks.critic.trainable_variables[0].assign(
        RANDOM.normal(size=networks.critic.trainable_variables[0].shape).astype(np.float32)
    )
    fakes = task.fakes(networks.generator, task.draws(tf.constant([1, 2], tf.int64)))
    labels = np.arange(6) % 2
    scores = networks.critic([fakes, np.eye(2, dtype=np.float32)[labels]]).numpy()[:, 0]
    expected = 13 / 19 * scores[labels == 0].mean() + 6 / 19 * scores[labels == 1].mean()
    assert float(task.fake_loss(networks.critic, fakes)) == pytest.approx(expected, rel=1e-4)
    row = pack(IMAGES[0][:1], LABELS[0][:1], 2)
    score = networks.critic([IMAGES[0][:1], np.eye(2, dtype=np.float32)[LABELS[0][:1]]]).numpy()[0, 0]
    assert float(task.patient_loss(networks.critic, tf.constant(row), ())) == pytest.approx(-score, rel=1e-4)


def test_the_discriminator_s_own_losses_are_the_non_saturating_ones() -> None:
    settings = replace(SETTINGS, critic="discriminator", gradient_memory=1)
    task = PrivateDcganTask(SIZE, COUNTS, settings, PUBLIC)
    networks = task.build_networks()
    row = pack(IMAGES[0][:1], LABELS[0][:1], 2)
    one_hot = np.eye(2, dtype=np.float32)[LABELS[0][:1]]
    score = networks.critic([IMAGES[0][:1], one_hot, np.zeros(2, np.int64)]).numpy()[0, 0]
    expected = np.log1p(np.exp(-score))
    assert float(task.patient_loss(networks.critic, tf.constant(row), ())) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("clipping", ["flat", "per-layer"])
def test_patients_move_the_discriminator_within_the_clip(clipping: str) -> None:
    """Their gradients are far larger, so that all of them are clipped, and the mean of unit vectors is what is sent."""
    settings = replace(
        SETTINGS,
        critic="discriminator",
        gradient_memory=1,
        critic_weight_decay=0.0,
        critic_learning_rate=1.0,
        clip=0.01,
        clipping=clipping,
    )
    networks, found = patients_part(settings)
    groups = layer_groups(networks.critic)
    images, labels = np.concatenate(IMAGES), np.concatenate(LABELS)
    expected = [np.zeros_like(part) for part in found]
    for image, label in zip(images, labels, strict=True):
        with tf.GradientTape() as tape:
            score = networks.critic([image[None], np.eye(2, dtype=np.float32)[[label]], np.zeros(2, np.int64)])
            loss = tf.reduce_sum(tf.nn.softplus(-score))
        gradient = [part.numpy() for part in tape.gradient(loss, networks.critic.trainable_variables)]
        for group in [range(len(gradient))] if clipping == "flat" else groups:
            bound = 0.01 if clipping == "flat" else 0.01 / np.sqrt(len(groups))
            factor = min(1.0, bound / np.sqrt(sum(np.sum(gradient[place] ** 2) for place in group)))
            for place in group:
                expected[place] += factor * gradient[place] / 19
    assert np.abs(np.concatenate([part.ravel() for part in expected])).max() > 1e-4
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
