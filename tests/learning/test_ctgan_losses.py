"""Activations and losses, held to NumPy and to plain TensorFlow by segment."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from encoded_tables import LAYOUT

from tff_health.learning.ctgan.activations import SegmentActivations
from tff_health.learning.ctgan.losses import critic_loss
from tff_health.learning.ctgan.row_generator import gumbel

RANDOM = np.random.default_rng(1)


def numbers(*shape: int) -> tf.Tensor:
    return tf.constant(RANDOM.normal(size=shape), tf.float32)


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_activations_by_segment(scale: float):
    logits, noise = numbers(50, LAYOUT.width) * scale, numbers(50, LAYOUT.width)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ours = SegmentActivations(LAYOUT, 0.2)(logits, noise)
        parts = []
        for segment in LAYOUT.segments:
            part = slice(segment.start, segment.stop)
            softmax = tf.nn.softmax((logits[:, part] + noise[:, part]) / 0.2)
            parts.append(tf.tanh(logits[:, part]) if segment.activation == "tanh" else softmax)
        plain = tf.concat(parts, 1)
        weights = numbers(50, LAYOUT.width)
        sums = [tf.reduce_sum(weights * values) for values in (ours, plain)]
    np.testing.assert_allclose(ours, plain, atol=1e-6)
    np.testing.assert_allclose(*(tape.gradient(total, logits) for total in sums), atol=1e-5)


def test_cross_entropy_of_the_entries_asked_for():
    logits, own = numbers(30, LAYOUT.width) * 20, np.zeros((30, LAYOUT.width), np.float32)
    segments = [LAYOUT.conditions[k % 3] for k in range(30)]
    expected = []
    for row, segment in enumerate(segments):
        position = row % segment.size
        own[row, segment.start + position] = 1
        part = logits[row : row + 1, segment.start : segment.stop]
        expected.append(tf.nn.sparse_softmax_cross_entropy_with_logits([position], part)[0])
    found = SegmentActivations(LAYOUT).cross_entropy(logits, tf.constant(own))
    assert float(found) == pytest.approx(float(np.mean(expected)), rel=1e-5)


def test_gumbel_noise_turns_logits_into_frequencies():
    logits = np.log([0.2, 0.3, 0.5]).astype(np.float32)
    noise = gumbel([200_000, 3], tf.constant([1, 2], tf.int64))
    assert np.isfinite(noise).all()
    shares = np.bincount(np.argmax(logits + noise, 1), minlength=3) / 200_000
    np.testing.assert_allclose(shares, [0.2, 0.3, 0.5], atol=0.006)  # more than five standard errors


@pytest.mark.parametrize("pac", [1, 2])
def test_critic_loss_of_a_quadratic_critic(pac: int):
    real, fake, condition = numbers(6, 3), numbers(6, 3), numbers(6, 2)
    mix = tf.constant(RANDOM.uniform(size=6 // pac), tf.float32)

    def score(rows: tf.Tensor, condition: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        packs = tf.reshape(tf.concat([rows, condition], 1), [-1, pac * 5])
        return tf.reduce_sum(packs**2, 1, keepdims=True) / 2

    loss = critic_loss(
        score, real, fake, condition, mix=mix, seeds=tf.zeros([2, 2], tf.int64), pac=pac, penalty_weight=10.0
    )
    share = np.repeat(mix, pac)[:, None]
    mixed = share * real.numpy() + (1 - share) * fake.numpy()
    # The gradient of half the square is the point itself.
    penalty = np.mean((np.linalg.norm(mixed.reshape(-1, pac * 3), axis=1) - 1) ** 2)
    halves = [(values.numpy() ** 2).sum() / 2 / (6 // pac) for values in (real, fake)]
    assert float(loss.measured["gradient_penalty"]) == pytest.approx(penalty, rel=1e-5)
    assert float(loss.measured["wasserstein"]) == pytest.approx(halves[0] - halves[1], rel=1e-4, abs=1e-5)
    assert float(loss.value) == pytest.approx(10 * penalty - (halves[0] - halves[1]), rel=1e-5)


def test_a_flat_critic_has_a_finite_gradient():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        loss = critic_loss(
            lambda rows, condition, seed: weight * tf.reduce_sum(rows, 1, keepdims=True),
            *(numbers(4, 3) for _ in range(2)),
            numbers(4, 0),
            mix=tf.ones(4),
            seeds=tf.zeros([2, 2], tf.int64),
            pac=1,
            penalty_weight=10.0,
        )
    assert np.isfinite(tape.gradient(loss.value, weight))
