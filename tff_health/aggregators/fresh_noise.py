"""TensorFlow Privacy's queries with noise from the operating system's entropy.

The originals draw their noise from TensorFlow's operations without a seed, whose whole stream follows from 32 bits (see
`runtime.entropy`), or seed it from the clock, which anybody can guess who knows roughly when a round ran. Here every
draw starts from fresh words. The generator behind them is not a cryptographic one, and the Gaussian noise is
floating-point noise.
"""

from __future__ import annotations

import collections
from typing import Any

import dp_accounting
import tensorflow as tf
import tensorflow_privacy as tfp

from tff_health.aggregators.discrete_gaussian import sample_discrete_gaussian
from tff_health.runtime.entropy import fresh_generator, fresh_words

SkellamState = collections.namedtuple("SkellamState", ["l2_norm_bound", "local_stddev"])


class FreshGaussianSumQuery(tfp.GaussianSumQuery):
    """Clips records to an L2 norm and adds Gaussian noise to their sum."""

    def get_noised_result(self, sample_state: Any, global_state: Any) -> Any:
        """The sum plus noise, drawn in float64 so that its tails reach 8 standard deviations.

        Args:
            sample_state: structure of float tensors, the sum.
            global_state: clip and standard deviation.

        Returns:
            Noisy sum, the state as it was, and the `GaussianDpEvent`.
        """
        generator = fresh_generator()
        stddev = tf.cast(global_state.stddev, tf.float64)

        def noisy(tensor: tf.Tensor) -> tf.Tensor:
            noise = generator.normal(tf.shape(tensor), stddev=stddev, dtype=tf.float64)
            return tensor + tf.cast(noise, tensor.dtype)

        event = dp_accounting.GaussianDpEvent(global_state.stddev / global_state.l2_norm_clip)
        return tf.nest.map_structure(noisy, sample_state), global_state, event


class DiscreteGaussianShareQuery(tfp.DistributedDiscreteGaussianSumQuery):
    """Adds a share of discrete Gaussian noise to each integer record, after checking its L2 norm.

    As TensorFlow Privacy's, whose sampler the accounted standard deviation follows: it is rounded up to an integer.
    """

    def preprocess_record(self, params: Any, record: tf.Tensor) -> tf.Tensor:
        """The record plus its share.

        Args:
            params: of `derive_sample_params`.
            record: int32 [dimension].
        """
        with tf.control_dependencies(_within(record, params.l2_norm_bound)):
            scale = tf.cast(tf.math.ceil(params.local_stddev), tf.int64)
        noise = tf.reshape(sample_discrete_gaussian(scale, tf.size(record), fresh_words(2)), tf.shape(record))
        return record + tf.cast(noise, record.dtype)


class SkellamShareQuery(tfp.SumAggregationDPQuery):
    """Adds a share of Skellam noise to each integer record, after checking its L2 norm.

    Args:
        l2_norm_bound: of a record.
        local_stddev: of the share's noise.
    """

    def __init__(self, l2_norm_bound: float, local_stddev: float) -> None:
        self._initial = (l2_norm_bound, local_stddev)

    def initial_global_state(self) -> Any:
        """Both numbers, float32."""
        return SkellamState(*(tf.constant(number, tf.float32) for number in self._initial))

    def derive_sample_params(self, global_state: Any) -> Any:
        """The state as it is."""
        return global_state

    def preprocess_record(self, params: Any, record: tf.Tensor) -> tf.Tensor:
        """The record plus the difference of two Poisson draws of half the variance each.

        Args:
            params: a `SkellamState`.
            record: int32 [dimension].
        """
        with tf.control_dependencies(_within(record, params.l2_norm_bound)):
            rate = 0.5 * tf.square(tf.cast(params.local_stddev, tf.float64))
        draws = tf.random.stateless_poisson(
            tf.concat([[2], tf.shape(record)], axis=0), fresh_words(2), lam=rate, dtype=tf.int64
        )
        return record + tf.cast(draws[0] - draws[1], record.dtype)

    def get_noised_result(self, sample_state: Any, global_state: Any) -> Any:
        """The sum as it is: the noise is in it already."""
        return sample_state, global_state, dp_accounting.UnsupportedDpEvent()


class FreshTreeNoise(tfp.tree_aggregation.GaussianNoiseGenerator):
    """Gaussian noise of tree nodes whose seed is drawn anew each time a process is initialised.

    The seed, 128 bits, is part of the state: whoever holds the state or a checkpoint can subtract the noise.
    """

    def initialize(self) -> Any:
        """A fresh seed and the standard deviation."""
        return self.make_state(fresh_words(2), tf.constant(self._noise_std, tf.float32))


def _within(record: tf.Tensor, bound: tf.Tensor) -> list[tf.Operation]:
    """The check, as control dependencies, that a record is no longer than its bound."""
    norm = tf.norm(tf.cast(record, tf.float32))
    check = tf.debugging.assert_less_equal(norm, bound, "A record is longer than its bound.")
    return [] if check is None else [check]
