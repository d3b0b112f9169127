"""Sums of real numbers through a secure modular sum of integers, for statistics of hospitals that are apart."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.mapped import MappedFactory
from tff_health.aggregators.secure_sum import ModularSum, simulated_modular_sum

FRACTION_BITS = 30
_MODULUS = 2**60
MOST = 2.0 ** (60 - 1 - FRACTION_BITS)
"""The sum's absolute value must stay below: 5e8."""


def fixed_point_sum(
    modular_sum: ModularSum = simulated_modular_sum,
) -> tff.aggregators.UnweightedAggregationFactory:
    """Sums structures of float64 tensors; each hospital's entries are rounded to 2**-30, about 1e-9.

    Whole numbers are summed exactly. Masks take any number of hospitals; TFF's simulation adds residues in int64, which
    holds those of seven.

    Args:
        modular_sum: the seam: where masks come in.
    """
    half = _MODULUS // 2

    def to_residues(value: Any) -> Any:
        def residues(tensor: tf.Tensor) -> tf.Tensor:
            inside = tf.debugging.Assert(
                tf.reduce_all(tf.abs(tensor) < MOST), [f"a hospital's statistic is not between -{MOST:g} and {MOST:g}"]
            )
            with tf.control_dependencies([inside]):
                return tf.math.floormod(tf.cast(tf.round(tensor * 2.0**FRACTION_BITS), tf.int64), _MODULUS)

        return tf.nest.map_structure(residues, value)

    def to_numbers(value: Any) -> Any:
        return tf.nest.map_structure(
            lambda sums: tf.cast(tf.math.floormod(sums + half, _MODULUS) - half, tf.float64) / 2.0**FRACTION_BITS, value
        )

    return MappedFactory(modular_sum(_MODULUS), before=to_residues, after=to_numbers)
