"""Noise from fresh entropy where TensorFlow Privacy seeds it from the clock.

A seed of microseconds since 1970 can be guessed by anybody who knows roughly when a round ran, and two hospitals that
start in the same microsecond would draw the same noise. The stateful random operations used here are seeded from the
operating system's entropy by each worker; they are not cryptographic generators.
"""

from __future__ import annotations

import collections
from typing import Any

import dp_accounting
import tensorflow as tf
import tensorflow_privacy as tfp

SkellamState = collections.namedtuple("SkellamState", ["l2_norm_bound", "local_stddev"])


def fresh_seed() -> tf.Tensor:
    """A seed of 126 random bits, int64 [2], for TensorFlow's stateless operations."""
    return tf.random.uniform([2], maxval=tf.int64.max, dtype=tf.int64)


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
        norm = tf.norm(tf.cast(record, tf.float32))
        check = tf.debugging.assert_less_equal(norm, params.l2_norm_bound, "A record is longer than its bound.")
        with tf.control_dependencies([check] if check is not None else []):
            rate = 0.5 * tf.square(tf.cast(params.local_stddev, tf.float64))
        draws = tf.random.stateless_poisson(
            tf.concat([[2], tf.shape(record)], axis=0), fresh_seed(), lam=rate, dtype=tf.int64
        )
        return record + tf.cast(draws[0] - draws[1], record.dtype)

    def get_noised_result(self, sample_state: Any, global_state: Any) -> Any:
        """The sum as it is: the noise is in it already."""
        return sample_state, global_state, dp_accounting.UnsupportedDpEvent()


class FreshTreeNoise(tfp.tree_aggregation.GaussianNoiseGenerator):
    """Gaussian noise of tree nodes whose seed is drawn anew each time a process is initialised.

    The seed is part of the state: whoever holds the state or a checkpoint can subtract the noise.
    """

    def initialize(self) -> Any:
        """A fresh seed and the standard deviation."""
        return self.make_state(fresh_seed(), tf.constant(self._noise_std, tf.float32))
