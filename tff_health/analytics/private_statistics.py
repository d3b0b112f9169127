"""One differentially private release of statistics over all hospitals' rows, as a TFF computation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow_federated as tff

from data.errors import SettingsError
from data.schema import Schema
from tff_health.analytics.local_release import local_release
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.release_layout import ReleaseLayout
from tff_health.analytics.released_statistics import released_statistics
from tff_health.analytics.statistics import Matrix, checked_clients
from tff_health.analytics.sum_release import build_sum_release, noisy_sum_for, require_accounted
from tff_health.analytics.table_statistics import TableStatistics


def build_private_release(release: ReleaseLayout, settings: PrivateStatistics, *, most_rows: int) -> tff.Computation:
    """Builds the computation `(float64[?, columns]@CLIENTS -> float64[size]@SERVER)`.

    Args:
        release: the entries; not empty.
        settings: noise and who adds it.
        most_rows: rows of the largest hospital, a public constant: no entry of a hospital's sum exceeds it.

    Returns:
        A computation whose result is the noisy sum of all patients' vectors, the only thing that depends on them.
    """
    return build_sum_release(
        lambda rows: local_release(rows, release),
        columns=len(release.layout.schema.columns),
        size=release.size,
        sum_factory=noisy_sum_for(settings, sensitivity=release.sensitivity, largest=most_rows),
    )


def compute_private_statistics(
    schema: Schema, matrices: Sequence[Matrix], release: ReleaseLayout, settings: PrivateStatistics
) -> TableStatistics:
    """Makes one release, in TFF's current execution context; `settings.event()` is what it costs each patient.

    A patient is one row: someone with several rows, or rows in several hospitals, is protected less.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one a hospital; training rows only.
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
    require_accounted(settings, len(matrices), subject="The private statistics are")
    checked = checked_clients(schema, matrices)
    sizes = [len(matrix) for matrix in checked]
    vector = build_private_release(release, settings, most_rows=max(sizes))(checked)
    return released_statistics(
        release,
        np.asarray(vector, np.float64),
        rows=sum(sizes),
        hospitals=len(checked),
        noise=settings.total_stddev(release.sensitivity),
    )
