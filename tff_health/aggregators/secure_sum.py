"""The one place where secure sums come from.

Everything of ours that must not show a single hospital's numbers reduces them to integers modulo m and asks a
`ModularSum` for their sum. Here that is TFF's secure modular sum, which only the `test` backend runs, in plain
text: **simulated: NOT SECURE**. A protocol with real masks replaces it by another function of the same type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.mapped import MappedFactory

# From a modulus m to a factory that sums int64 tensors with entries in [0, m) and gives entries in [0, m).
ModularSum: TypeAlias = Callable[[int], tff.aggregators.UnweightedAggregationFactory]


def simulated_modular_sum(modulus: int) -> tff.aggregators.UnweightedAggregationFactory:
    """TFF's secure modular sum; simulated, NOT SECURE, and only under `execution_context(backend="test")`."""
    return tff.aggregators.SecureModularSumFactory(np.int64(modulus))


def secure_count(modular_sum: ModularSum = simulated_modular_sum) -> tff.aggregators.UnweightedAggregationFactory:
    """Counts hospitals, up to 8 million, through a modular sum."""
    return centred_sum(2**24, tf.int32, modular_sum)


def centred_sum(
    modulus: int, dtype: tf.DType = tf.int64, modular_sum: ModularSum = simulated_modular_sum
) -> tff.aggregators.UnweightedAggregationFactory:
    """Sums signed integers through a modular sum.

    The result is the true sum where that lies in [-m/2, m/2), and wraps around where it does not.

    Args:
        modulus: m, at most 2**40 so that some millions of residues fit int64 in the simulation.
        dtype: integer type of input and result.
        modular_sum: the seam.
    """
    if not 2 <= modulus <= 2**40:
        raise ValueError(f"modulus must lie between 2 and 2**40, not {modulus}")
    half = modulus // 2

    def to_residues(value: Any) -> Any:
        return tf.nest.map_structure(lambda x: tf.math.floormod(tf.cast(x, tf.int64), modulus), value)

    def to_signed(value: Any) -> Any:
        return tf.nest.map_structure(lambda x: tf.cast(tf.math.floormod(x + half, modulus) - half, dtype), value)

    return MappedFactory(modular_sum(modulus), before=to_residues, after=to_signed)
