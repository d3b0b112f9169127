"""The uniform mean over a fixed number of hospitals through a secure sum."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.aggregators.finite_guard import FiniteGuard
from tff_health.aggregators.mapped import MappedFactory
from tff_health.aggregators.participation import ParticipationLog
from tff_health.aggregators.quantisation import SECURE_MEAN_BITS, quantisation_step
from tff_health.aggregators.secure_sum import ModularSum, centred_sum, secure_count, simulated_modular_sum


def build_secure_mean(
    hospitals: int,
    bound: float,
    *,
    bits: int = SECURE_MEAN_BITS,
    modular_sum: ModularSum = simulated_modular_sum,
) -> tff.aggregators.UnweightedAggregationFactory:
    """The mean of float updates of which the server sees only the sum.

    Each entry is clipped to the public `bound`, rounded to the grid of `quantisation_step`, summed modulo 2**bits,
    scaled back and divided by the fixed number of hospitals. Where each hospital's update already carries a share
    of Gaussian noise, choose the bound so many standard deviations wide that clipping is as good as impossible
    (10 give 1e-23 per entry). Rounding then costs no privacy worth a number: from a step of a quarter of the
    share's standard deviation downwards, the sum of the rounded shares is Gaussian noise plus independent uniform
    noise on a grid, to within exp(-2 pi^2 16).

    The number of hospitals in each round stands in the state (`ParticipationLog`): fewer mean less noise.

    Args:
        hospitals: how many take part in every round.
        bound: public bound on the absolute entries of one update; a rough one costs precision only.
        bits: of the modulus, at most 40; the default keeps the step below bound * hospitals * 5e-10.
        modular_sum: the secure sum; the default is simulated, NOT SECURE.

    Raises:
        SettingsError: fewer than 2 hospitals, a bound that is not positive, or bits that leave no room.
    """
    if hospitals < 2:
        raise SettingsError(f"hospitals is {hospitals}: a secure sum over fewer than 2 hides nothing.")
    if not (math.isfinite(bound) and bound > 0):
        raise SettingsError(f"bound is {bound}: give the largest absolute entry of an update, a number above 0.")
    if not 2 <= bits <= 40 or ((1 << (bits - 1)) - 1) // hospitals < 1:
        raise SettingsError(f"bits is {bits}: choose 2 to 40, with 2**(bits-1) above the number of hospitals.")
    step = quantisation_step(hospitals, bound, bits)

    # In float64, whose 53 bits hold every multiple of the step exactly; float32 would round to 24.
    def quantise(update: Any) -> Any:
        def one(x: tf.Tensor) -> tf.Tensor:
            clipped = tf.clip_by_value(tf.cast(x, tf.float64), -bound, bound)
            return tf.cast(tf.round(clipped / step), tf.int64)

        return tf.nest.map_structure(one, update)

    def to_mean(total: Any) -> Any:
        return tf.nest.map_structure(lambda x: tf.cast(tf.cast(x, tf.float64) * (step / hospitals), tf.float32), total)

    mean = MappedFactory(centred_sum(1 << bits, tf.int64, modular_sum), before=quantise, after=to_mean)
    return ParticipationLog(FiniteGuard(mean), secure_count(modular_sum), show_measurements=False)
