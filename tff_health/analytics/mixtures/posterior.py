"""The variational posterior of many one-dimensional Gaussian mixtures at once: expectation and maximisation.

Bishop, "Pattern Recognition and Machine Learning", 2006, section 10.2, with the truncated stick-breaking weights of
Blei and Jordan, "Variational inference for Dirichlet process mixtures", 2006, and the priors of scikit-learn's
`BayesianGaussianMixture`: the mean prior is the mean of all values, with precision 1; the variance prior is their
sample variance, with 1 degree of freedom.

Values are scaled by the public bounds to [0, 1]. Tensors are float64; C columns, K components.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tff_health.analytics.mixtures.settings import MixtureSettings

Tensors = collections.OrderedDict[str, tf.Tensor]

# scikit-learn adds it to every component's count of rows, so that an empty one can be divided by.
_NOTHING = 10 * float(np.finfo(np.float64).eps)
_BLOCK = 4096  # rows whose responsibilities are held at a time


def responsibility_sums(values: tf.Tensor, weights: tf.Tensor, posterior: Tensors) -> Tensors:
    """The expectation step over one hospital's values, summed: all that leaves the hospital.

    Offsets are from the current means, which both lie in [0, 1]: no digits are lost to a large mean, and one patient
    moves no entry by more than 1.

    Args:
        values: [rows, C], any finite number where the weight is 0.
        weights: [rows, C]: 1 for a value, 0 for a missing one; or how many values stand there.
        posterior: the parameters, see `maximise`.

    Returns:
        `count`, `first` and `second` [C, K], the responsibilities times 1, offset and squared offset; `entropy` [C],
        the responsibilities' entropy divided by log K.
    """
    components = posterior["mean"].shape[1]
    log_weight = _expected_log_weights(posterior["a"], posterior["b"])
    freedom, variance = posterior["freedom"], posterior["variance"]
    # The terms of the expected log density that do not depend on the value (Bishop, equations 10.46, 10.64, 10.65).
    constant = log_weight - 0.5 * (
        math.log(math.pi)
        + tf.math.log(variance)
        + tf.math.log(freedom)
        - tf.math.digamma(0.5 * freedom)
        + 1.0 / posterior["precision"]
    )

    def block_sums(x: tf.Tensor, w: tf.Tensor) -> Tensors:
        offset = x[:, :, tf.newaxis] - posterior["mean"]
        log_share = tf.nn.log_softmax(constant - 0.5 * offset**2 / variance, axis=2)
        share = tf.exp(log_share)
        entropy = -tf.reduce_sum(share * log_share, axis=2) / max(math.log(components), 1.0)
        return _weighted_sums(w, share, offset, entropy)

    return _over_blocks(block_sums, values, weights, components)


def assignment_sums(values: tf.Tensor, weights: tf.Tensor, centres: tf.Tensor) -> Tensors:
    """As `responsibility_sums`, with every value wholly in the component of the nearest centre (the first of equals).

    Args:
        values: [rows, C].
        weights: [rows, C].
        centres: [C, K]; offsets are from these.
    """
    components = centres.shape[1]

    def block_sums(x: tf.Tensor, w: tf.Tensor) -> Tensors:
        offset = x[:, :, tf.newaxis] - centres
        nearest = tf.one_hot(tf.argmin(tf.abs(offset), axis=2), components, dtype=tf.float64)
        return _weighted_sums(w, nearest, offset, tf.zeros_like(x))

    return _over_blocks(block_sums, values, weights, components)


def packed(sums: Tensors) -> tf.Tensor:
    """The sums as one tensor [C, 3 K + 1]: a secure sum of one is quicker than of four."""
    return tf.concat([sums["count"], sums["first"], sums["second"], sums["entropy"][:, tf.newaxis]], axis=1)


def unpacked(total: tf.Tensor, components: int) -> Tensors:
    """The inverse of `packed`."""
    count, first, second, entropy = tf.split(total, [components, components, components, 1], axis=1)
    return collections.OrderedDict(count=count, first=first, second=second, entropy=entropy[:, 0])


def maximise(sums: Tensors, around: tf.Tensor, prior: Tensors, settings: MixtureSettings) -> Tensors:
    """The maximisation step (Bishop, equations 10.51 to 10.63).

    Args:
        sums: totals over all hospitals.
        around: [C, K], what the offsets were taken from.
        prior: `mean` and `variance` [C] of all values.
        settings: concentration and regularisation.

    Returns:
        The posterior, all [C, K]: `a` and `b` of the stick-breaking beta distributions, `mean` and its `precision`
        (relative to that of the component), the `freedom` of the Wishart distribution and the expected `variance`.
    """
    count = sums["count"] + _NOTHING
    shift = sums["first"] / count
    spread = tf.maximum(sums["second"] / count - shift**2, 0.0) + settings.regularisation
    centre = around + shift
    prior_mean, prior_variance = prior["mean"][:, tf.newaxis], prior["variance"][:, tf.newaxis]
    precision = 1.0 + count
    freedom = 1.0 + count
    scatter = prior_variance + count * (spread + (centre - prior_mean) ** 2 / precision)
    return collections.OrderedDict(
        a=1.0 + count,
        b=settings.concentration + tf.cumsum(count, axis=1, exclusive=True, reverse=True),
        mean=(prior_mean + count * centre) / precision,
        precision=precision,
        freedom=freedom,
        variance=scatter / freedom,
    )


def lower_bound(posterior: Tensors, entropy: tf.Tensor) -> tf.Tensor:
    """The evidence's lower bound without its constants, [C], as scikit-learn follows it for convergence.

    Args:
        posterior: after the maximisation.
        entropy: [C], as summed by the expectation before it.
    """
    components = posterior["mean"].shape[1]
    a, b, freedom = posterior["a"], posterior["b"], posterior["freedom"]
    log_root = -0.5 * (tf.math.log(posterior["variance"]) + tf.math.log(freedom))
    log_wishart = -freedom * (log_root + 0.5 * math.log(2.0)) - tf.math.lgamma(0.5 * freedom)
    log_beta = tf.math.lgamma(a) + tf.math.lgamma(b) - tf.math.lgamma(a + b)
    return entropy * max(math.log(components), 1.0) - tf.reduce_sum(
        log_wishart - log_beta + 0.5 * tf.math.log(posterior["precision"]), axis=1
    )


def expected_weights(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The components' expected weights, [C, K], of sum 1 in each column."""
    left = np.cumprod(b / (a + b), axis=1)
    weights = a / (a + b) * np.concatenate([np.ones_like(left[:, :1]), left[:, :-1]], axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _weighted_sums(weights: tf.Tensor, share: tf.Tensor, offset: tf.Tensor, entropy: tf.Tensor) -> Tensors:
    weighted = weights[:, :, tf.newaxis] * share
    first = weighted * offset
    return collections.OrderedDict(
        count=tf.reduce_sum(weighted, axis=0),
        first=tf.reduce_sum(first, axis=0),
        second=tf.reduce_sum(first * offset, axis=0),
        entropy=tf.reduce_sum(weights * entropy, axis=0),
    )


def _over_blocks(
    block_sums: Callable[[tf.Tensor, tf.Tensor], Tensors], values: tf.Tensor, weights: tf.Tensor, components: int
) -> Tensors:
    """Adds up the sums of blocks of rows, so that memory does not grow with a hospital's rows."""
    columns = values.shape[1]
    matrix, vector = tf.zeros([columns, components], tf.float64), tf.zeros([columns], tf.float64)
    nothing: Tensors = collections.OrderedDict(count=matrix, first=matrix, second=matrix, entropy=vector)

    def add_block(start: tf.Tensor, sums: Tensors) -> tuple[tf.Tensor, Tensors]:
        block = block_sums(values[start : start + _BLOCK], weights[start : start + _BLOCK])
        return start + _BLOCK, tf.nest.map_structure(tf.add, sums, block)

    return tf.while_loop(lambda start, _: start < tf.shape(values)[0], add_block, (tf.constant(0), nothing))[1]


def _expected_log_weights(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    both = tf.math.digamma(a + b)
    return tf.math.digamma(a) - both + tf.cumsum(tf.math.digamma(b) - both, axis=1, exclusive=True)
