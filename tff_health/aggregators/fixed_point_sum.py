"""Sums of real numbers through a secure modular sum of integers, for statistics of hospitals that are apart."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.mapped import MappedFactory
from tff_health.aggregators.secure_sum import ModularSum, simulated_modular_sum

FRACTION_BITS = 30
_MOST_BITS = 60


def fixed_point_sum(
    hospitals: int = 1, modular_sum: ModularSum = simulated_modular_sum
) -> tff.aggregators.UnweightedAggregationFactory:
    """Sums structures of float64 tensors; each hospital's entries are rounded to 2**-30, about 1e-9.

    Whole numbers are summed exactly. The result is the same to the last bit whether sums are simulated or masked.

    Args:
        hospitals: how many take part where sums are simulated: TFF adds residues in int64. The absolute values of
            entries and sums must stay below 5e8, or, from eight hospitals on, below 2e9 over their number. Masks take
            any number of hospitals.
        modular_sum: the seam: where masks come in.
    """
    modulus = 2 ** min(_MOST_BITS, 63 - hospitals.bit_length())
    half, most = modulus // 2, modulus / 2 ** (FRACTION_BITS + 1)

    def to_residues(value: Any) -> Any:
        def residues(tensor: tf.Tensor) -> tf.Tensor:
            inside = tf.debugging.Assert(
                tf.reduce_all(tf.abs(tensor) < most), [f"a hospital's statistic is not between -{most:g} and {most:g}"]
            )
            with tf.control_dependencies([inside]):
                return tf.math.floormod(tf.cast(tf.round(tensor * 2.0**FRACTION_BITS), tf.int64), modulus)

        return tf.nest.map_structure(residues, value)

    def to_numbers(value: Any) -> Any:
        return tf.nest.map_structure(
            lambda sums: tf.cast(tf.math.floormod(sums + half, modulus) - half, tf.float64) / 2.0**FRACTION_BITS, value
        )

    return MappedFactory(modular_sum(modulus), before=to_residues, after=to_numbers)
