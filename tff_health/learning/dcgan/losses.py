"""Losses of image GANs: of scores, not of probabilities."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tff_health.learning.dcgan.settings import AdversarialLoss

_TINY = 1e-12  # under the root, whose gradient at zero is infinite


def discriminator_value(loss: AdversarialLoss, of_real: tf.Tensor, of_fake: tf.Tensor) -> tf.Tensor:
    """What the discriminator descends on, a scalar: means over [batch, 1] scores of real and generated images."""
    # All three losses take a real image's score for what a generated one's would be, were its sign turned.
    return rejection_value(loss, -of_real) + rejection_value(loss, of_fake)


def rejection_value(loss: AdversarialLoss, scores: tf.Tensor) -> tf.Tensor:
    """What the discriminator pays for scores, [batch, 1], that should have been low: a mean, a scalar."""
    if loss == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 + scores))
    if loss == "wasserstein":
        return tf.reduce_mean(scores)
    return tf.reduce_mean(tf.nn.softplus(scores))


def generator_value(loss: AdversarialLoss, of_fake: tf.Tensor) -> tf.Tensor:
    """What the generator descends on, a scalar."""
    if loss == "non-saturating":
        return tf.reduce_mean(tf.nn.softplus(-of_fake))
    return -tf.reduce_mean(of_fake)


def gradient_penalty(score: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, centre: float) -> tf.Tensor:
    """mean((|grad score(image)| - centre)^2), at these images; for a centre of 0 without the root.

    Args:
        score: of images [batch, ...], [batch, 1]; each score a function of its own image alone.
        images: [batch, ...].
        centre: 0 (Mescheder et al. 2018, arXiv 1801.04406) or 1 (Gulrajani et al. 2017, arXiv 1704.00028).
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        scores = score(images)
    gradient = tape.gradient(scores, images)
    squares = tf.reduce_sum(tf.square(gradient), list(range(1, len(images.shape))))
    if not centre:
        return tf.reduce_mean(squares)
    return tf.reduce_mean(tf.square(tf.sqrt(squares + _TINY) - centre))
