"""One differentially private release of statistics over all hospitals' rows, as a TFF computation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow_federated as tff

from data.errors import SettingsError
from data.schema import Schema
from tff_health.analytics.local_release import local_release
from tff_health.analytics.noisy_sum import NoisySumFactory, hospital_stddev, secure_sum_for
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.release_layout import ReleaseLayout
from tff_health.analytics.released_statistics import released_statistics
from tff_health.analytics.statistics import checked_matrices
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.runtime.context import WorkerContext


def build_private_release(release: ReleaseLayout, settings: PrivateStatistics, *, most_rows: int) -> tff.Computation:
    """Builds the computation `(float64[?, columns]@CLIENTS -> float64[size]@SERVER)`.

    Args:
        release: the entries; not empty.
        settings: noise and who adds it.
        most_rows: rows of the largest hospital, a public constant: no entry of a hospital's sum exceeds it.

    Returns:
        A computation whose result is the noisy sum of all patients' vectors, the only thing that depends on them.
    """
    stddev = settings.noise_multiplier * release.sensitivity
    secure = None
    if settings.secure_sum:
        secure = secure_sum_for(most_rows, hospital_stddev(stddev, settings.placement, settings.hospitals))
    factory = NoisySumFactory(stddev, settings.placement, settings.hospitals, secure)
    rows_type = tff.TensorType(np.float64, [None, len(release.layout.schema.columns)])

    @tff.tensorflow.computation(rows_type)
    def hospital_release(rows: Any) -> Any:
        vector = local_release(rows, release)
        vector.set_shape([release.size])
        return vector

    total = factory.create(hospital_release.type_signature.result)

    @tff.federated_computation(tff.FederatedType(rows_type, tff.CLIENTS))
    def private_release(rows: Any) -> Any:
        return total.next(total.initialize(), tff.federated_map(hospital_release, rows)).result

    return private_release


def compute_private_statistics(
    schema: Schema, matrices: Sequence[np.ndarray], release: ReleaseLayout, settings: PrivateStatistics
) -> TableStatistics:
    """Makes one release, in TFF's current execution context; `settings.event()` is what it costs each patient.

    A patient is one row: someone with several rows, or rows in several hospitals, is protected less.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one float64 [rows, columns] a hospital, as `Schema.encode` gives it; training rows only.
        release: what is released, not empty.
        settings: noise and who adds it.

    Returns:
        Statistics that hold the released parts; counts and means are noisy.

    Raises:
        DataError: there is no row at all, or a matrix does not fit the schema.
        SettingsError: another number of hospitals than the settings say, an empty release, or a secure sum outside the
            execution context that simulates it.
    """
    if not release.size:
        raise SettingsError("A private release of nothing was asked for: choose statistics, or public preprocessing.")
    if len(matrices) != settings.hospitals:
        raise SettingsError(
            f"The private statistics are set up for {settings.hospitals} hospitals, but {len(matrices)} take part: the "
            "noise would not be what the accountant was told."
        )
    context = tff.framework.get_context_stack().current
    if settings.secure_sum and isinstance(context, WorkerContext) and context.backend != "test":
        raise SettingsError(
            "A secure sum runs only in simulation, which is NOT SECURE: open execution_context('test') around it."
        )
    checked = checked_matrices(schema, matrices)
    sizes = [len(matrix) for matrix in checked]
    vector = build_private_release(release, settings, most_rows=max(sizes))(checked)
    return released_statistics(
        release,
        np.asarray(vector, np.float64),
        rows=sum(sizes),
        hospitals=len(checked),
        noise=settings.total_stddev(release.sensitivity),
    )
