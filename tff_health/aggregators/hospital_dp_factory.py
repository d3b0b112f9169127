"""TFF factories for `HospitalLevelDp`: guard, clipping, noise, uniform mean, and a log of who took part."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
import tensorflow_privacy as tfp
from tensorflow_federated.python.aggregators.discretization import DiscretizationFactory

from data.errors import SettingsError
from tff_health.aggregators.adaptive_clip import AdaptiveClipSumQuery
from tff_health.aggregators.finite_guard import FiniteGuard
from tff_health.aggregators.fresh_noise import (
    DiscreteGaussianShareQuery,
    FreshGaussianSumQuery,
    FreshTreeNoise,
    SkellamShareQuery,
)
from tff_health.aggregators.hospital_dp import HospitalLevelDp
from tff_health.aggregators.mapped import MappedFactory
from tff_health.aggregators.participation import ParticipationLog
from tff_health.aggregators.secure_sum import ModularSum, centred_sum, secure_count, simulated_modular_sum

_Unweighted: TypeAlias = tff.aggregators.UnweightedAggregationFactory
_DpFactory = tff.aggregators.DifferentiallyPrivateFactory


def build_hospital_dp(dp: HospitalLevelDp, modular_sum: ModularSum = simulated_modular_sum) -> _Unweighted:
    """The factory of `HospitalLevelDp.build_factory`.

    Args:
        dp: mechanism and numbers.
        modular_sum: the secure sum of the discrete mechanisms.
    """
    if dp.secure:
        chain: _Unweighted = _DistributedMean(dp, modular_sum)
        count = secure_count(modular_sum)
    else:
        chain = _TreeMean(dp) if dp.mechanism == "tree" else _gaussian_mean(dp)
        count = tff.aggregators.SumFactory()
    # The inner measurements are constants or, under adaptive clipping, the noisy clip; the secure chain's are empty.
    return ParticipationLog(FiniteGuard(chain), count, show_measurements=not dp.secure)


def _gaussian_mean(dp: HospitalLevelDp) -> _Unweighted:
    multiplier, hospitals, clip = float(dp.value_noise_multiplier), float(dp.hospitals), float(dp.clip)
    query: tfp.SumAggregationDPQuery = (
        FreshGaussianSumQuery(clip, clip * multiplier)
        if dp.mechanism == "gaussian"
        else AdaptiveClipSumQuery(
            clip,
            multiplier,
            target_quantile=float(dp.target_quantile),
            learning_rate=float(dp.clip_learning_rate),
            count_stddev=float(dp.count_stddev),
            hospitals=hospitals,
        )
    )
    return _DpFactory(tfp.NormalizedQuery(query, hospitals))


class _TreeMean(tff.aggregators.UnweightedAggregationFactory):
    """TFF's tree aggregation, for whatever type it is asked for, with noise from fresh entropy."""

    def __init__(self, dp: HospitalLevelDp) -> None:
        self._dp = dp

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        specs = tff.types.structure_from_tensor_type_tree(lambda t: tf.TensorSpec(t.shape, t.dtype), value_type)
        clip = float(self._dp.clip)
        query = tfp.TreeResidualSumQuery(
            record_specs=specs,
            noise_generator=FreshTreeNoise(clip * self._dp.noise_multiplier, specs),
            clip_fn=lambda tensors, norm: tf.clip_by_global_norm(tensors, norm)[0],
            clip_value=clip,
            use_efficient=True,
        )
        return _DpFactory(tfp.NormalizedQuery(query, float(self._dp.hospitals))).create(value_type)


class _DistributedMean(tff.aggregators.UnweightedAggregationFactory):
    """Flatten, rotate, clip, scale and round, add a share of noise, sum securely; undo and divide at the server."""

    def __init__(self, dp: HospitalLevelDp, modular_sum: ModularSum) -> None:
        self._dp, self._modular_sum = dp, modular_sum

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        dp = self._dp
        tensors = tff.structure.flatten(value_type) if isinstance(value_type, tff.StructType) else [value_type]
        dimension = sum(int(np.prod(tensor.shape, dtype=np.int64)) for tensor in tensors)
        if dp.dimension not in (None, dimension):
            raise SettingsError(
                f"dimension is {dp.dimension}, but the model has {dimension} parameters: the accounted cost of "
                f"{dp.mechanism} would be another mechanism's."
            )
        numbers = dp.distributed_noise(dimension)
        bounds = (numbers.scaled.l2, numbers.scaled.local_stddev)
        query = (
            DiscreteGaussianShareQuery(*bounds) if dp.mechanism == "discrete-gaussian" else SkellamShareQuery(*bounds)
        )
        noisy_sum = _DpFactory(query, centred_sum(1 << dp.bits, tf.int32, self._modular_sum))
        # TFF seeds the rounding from the clock; the accounted bound holds however it rounds.
        rounded = DiscretizationFactory(
            noisy_sum, scale_factor=numbers.scale, stochastic=True, prior_norm_bound=float(dp.clip)
        )
        clip = float(dp.clip)
        clipped = MappedFactory(rounded, before=lambda vector: tf.clip_by_norm(vector, clip))
        rotated = tff.aggregators.concat_factory(tff.aggregators.HadamardTransformFactory(clipped))
        mean = MappedFactory(rotated, before=_as_it_is, after=lambda total: _divided(total, dp.hospitals))
        return mean.create(value_type)


def _as_it_is(value: Any) -> Any:
    return tf.nest.map_structure(tf.identity, value)


def _divided(total: Any, hospitals: int) -> Any:
    return tf.nest.map_structure(lambda tensor: tensor / tf.cast(hospitals, tensor.dtype), total)
