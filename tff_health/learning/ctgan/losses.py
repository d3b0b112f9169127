"""Losses of the Wasserstein GAN with gradient penalty over packed rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import tensorflow as tf

from tff_health.learning.gan.task import Loss

Score = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
_TINY = 1e-12  # under the root, whose gradient at zero is infinite


def critic_loss(
    score: Score,
    real: tf.Tensor,
    fake: tf.Tensor,
    condition: tf.Tensor,
    *,
    mix: tf.Tensor,
    seeds: tf.Tensor,
    pac: int,
    penalty_weight: float,
) -> Loss:
    """mean(C(fake)) - mean(C(real)) + weight * mean((|grad C(mixed)| - 1)^2), Gulrajani et al. 2017 (arXiv 1704.00028).

    The gradient is that by all rows of a pac together, at points between real and fake rows (Xu et al. 2019, alg. 1).

    Args:
        score: the critic: of rows [rows, width], conditions [rows, condition width] and a seed, [rows / pac, 1].
        real: [batch, width].
        fake: [batch, width], for the same conditions.
        condition: [batch, condition width].
        mix: [batch / pac], each pac's share of the real rows, in [0, 1].
        seeds: int64 [2, 2]: for both kinds of rows and for mixed ones.
        pac: rows judged together.
        penalty_weight: 0 or more.
    """
    scores = score(tf.concat([real, fake], 0), tf.concat([condition, condition], 0), seeds[0])
    of_real, of_fake = tf.split(scores, 2)
    wasserstein = tf.reduce_mean(of_real) - tf.reduce_mean(of_fake)
    share = tf.repeat(mix, pac)[:, None] if pac > 1 else mix[:, None]
    mixed = fake + share * (real - fake)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        of_mixed = score(mixed, condition, seeds[1])
    gradient = tf.reshape(tape.gradient(of_mixed, mixed), [-1, pac * mixed.shape[1]])
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient), 1) + _TINY)
    penalty = tf.reduce_mean(tf.square(norm - 1.0))
    value = penalty_weight * penalty - wasserstein
    return Loss(value, OrderedDict(critic_loss=value, wasserstein=wasserstein, gradient_penalty=penalty))


def generator_loss(score: tf.Tensor, condition_cross_entropy: tf.Tensor) -> Loss:
    """-mean(C(fake)) plus the cross-entropy that holds the generator to its condition (Xu et al. 2019, section 4.3)."""
    value = condition_cross_entropy - tf.reduce_mean(score)
    return Loss(value, OrderedDict(generator_loss=value, condition_loss=condition_cross_entropy))
