"""A release of sums over all hospitals' rows as a TFF computation: the one step that private statistics are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.analytics.noisy_sum import NoisySumFactory, hospital_stddev, secure_sum_for
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.runtime.context import WorkerContext


def noisy_sum_for(settings: PrivateStatistics, *, sensitivity: float, largest: float) -> NoisySumFactory:
    """The sum with the noise that the settings say.

    Args:
        settings: noise and who adds it.
        sensitivity: L2 norm that one patient moves the sums by at the most.
        largest: no entry of a hospital's own sums exceeds it, a public number.
    """
    stddev = settings.noise_multiplier * sensitivity
    secure = None
    if settings.secure_sum:
        secure = secure_sum_for(largest, hospital_stddev(stddev, settings.placement, settings.hospitals))
    return NoisySumFactory(stddev, settings.placement, settings.hospitals, secure)


def build_sum_release(
    local_sums: Callable[[tf.Tensor], tf.Tensor],
    *,
    columns: int,
    size: int,
    sum_factory: tff.aggregators.UnweightedAggregationFactory,
) -> tff.Computation:
    """Builds the computation `(float64[?, columns]@CLIENTS -> float64[size]@SERVER)`.

    Args:
        local_sums: one hospital's sums, float64 [size], of its rows, float64 [rows, columns].
        columns: of the rows.
        size: entries of the sums.
        sum_factory: sums over hospitals; with noise where a guarantee is claimed.

    Returns:
        A computation whose result is the only thing that depends on patients.
    """
    rows_type = tff.TensorType(np.float64, [None, columns])

    @tff.tensorflow.computation(rows_type)
    def hospital_sums(rows: Any) -> Any:
        return tf.ensure_shape(local_sums(rows), [size])

    total = sum_factory.create(hospital_sums.type_signature.result)

    @tff.federated_computation(tff.FederatedType(rows_type, tff.CLIENTS))
    def sum_release(rows: Any) -> Any:
        return total.next(total.initialize(), tff.federated_map(hospital_sums, rows)).result

    return sum_release


def require_accounted(settings: PrivateStatistics, hospitals: int, *, subject: str) -> None:
    """Refuses a release that would not be the one accounted for, or would not run.

    Args:
        settings: noise and who adds it.
        hospitals: how many take part.
        subject: of the message, such as "The private encoding is".

    Raises:
        SettingsError: another number of hospitals than the settings say, or a secure sum outside the execution context
            that simulates it.
    """
    if hospitals != settings.hospitals:
        raise SettingsError(
            f"{subject} set up for {settings.hospitals} hospitals, but {hospitals} take part: the noise would not be "
            "what the accountant was told."
        )
    context = tff.framework.get_context_stack().current
    if settings.secure_sum and isinstance(context, WorkerContext) and context.backend != "test":
        raise SettingsError(
            "A secure sum runs only in simulation, which is NOT SECURE: open execution_context('test') around it."
        )
