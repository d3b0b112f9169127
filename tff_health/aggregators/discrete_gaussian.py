"""Samples of the discrete Gaussian distribution from a seed; TensorFlow Privacy's sampler takes none."""

from __future__ import annotations

import tensorflow as tf


def sample_discrete_gaussian(scale: tf.Tensor, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Independent integers x with probability in proportion to exp(-x**2 / (2 scale**2)).

    Canonne, Kamath and Steinke 2020 (arXiv 2004.00010), Algorithm 3, with a discrete Laplace proposal of the same
    scale: of its draws at least 0.7 are accepted. The coins are floating-point numbers of 53 bits, not the exact
    rational ones of the paper.

    Args:
        scale: int64 [], 1 or more.
        count: int32 [], how many.
        seed: int64 [2], the only source.

    Returns:
        int64 [count].
    """
    spread = tf.cast(scale, tf.float64)

    def uniform(shape: list[tf.Tensor | int], draw: tf.Tensor) -> tf.Tensor:
        """In (0, 1], so that its logarithm is finite."""
        own_seed = tf.random.experimental.stateless_fold_in(seed, draw)
        return 1.0 - tf.random.stateless_uniform(shape, own_seed, dtype=tf.float64)

    def propose(draw: tf.Tensor, accepted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Half as many again as are missing; a thousand at least, in case of bad luck with a few.
        proposals = tf.maximum(1000, (count - tf.size(accepted)) * 3 // 2)
        coins = uniform([3, proposals], draw)
        # floor(-scale log u) is geometric; the difference of two is discrete Laplace.
        steps = tf.floor(-spread * tf.math.log(coins[:2]))
        laplace = steps[0] - steps[1]
        chance = tf.exp(-tf.square((tf.abs(laplace) - spread) / spread) / 2)
        kept = tf.boolean_mask(laplace, coins[2] <= chance)
        return draw + 1, tf.concat([accepted, tf.cast(kept, tf.int64)], axis=0)

    _, drawn = tf.while_loop(
        lambda draw, accepted: tf.size(accepted) < count,
        propose,
        [tf.constant(0), tf.zeros([0], tf.int64)],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
    )
    return drawn[:count]
