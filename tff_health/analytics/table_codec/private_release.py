"""The differentially private release that a private encoding is made of, as a TFF computation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.schema import Schema
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.statistics import Matrix, checked_clients
from tff_health.analytics.sum_release import build_sum_release, noisy_sum_for, require_accounted
from tff_health.analytics.table_codec.private_cells import CellLayout


def local_cells(rows: tf.Tensor, cells: CellLayout) -> tf.Tensor:
    """Counts one hospital's rows by cell; each row counts once a column, whatever floats it holds.

    Numbers beyond the public bounds, infinities too, count in the outermost bin, and what is no position in a
    codebook as missing.

    Args:
        rows: float64 [rows, columns].
        cells: the entries.

    Returns:
        float64 [size].
    """
    layout, columns = cells.layout, tf.transpose(rows)
    missing = tf.math.is_nan(columns)
    positions = []
    for index, column in enumerate(cells.schema.columns):
        values, blank, size = columns[index], missing[index], int(cells.sizes[index])
        if column.is_numeric:
            edges = tf.constant(layout.edges[layout.numeric.index(index)])
            known = tf.where(blank, tf.zeros_like(values), values)
            position = tf.clip_by_value(tf.searchsorted(edges, known, side="right") - 1, 0, size - 1)
        else:
            fits = tf.logical_and(values >= 0, values <= size - 1)
            blank = tf.logical_not(tf.logical_and(fits, tf.equal(values, tf.round(values))))
            position = tf.cast(tf.where(blank, tf.zeros_like(values), values), tf.int32)
        # A negative segment is counted nowhere.
        nowhere = column.name == cells.schema.target
        at_missing = -1 if nowhere else int(cells.offsets[index]) + size
        positions.append(tf.where(blank, at_missing, int(cells.offsets[index]) + position))
    flat = tf.reshape(tf.stack(positions), [-1])
    return tf.math.unsorted_segment_sum(tf.ones_like(flat, tf.float64), flat, cells.size)


def build_cell_release(cells: CellLayout, settings: PrivateStatistics, *, most_rows: int) -> tff.Computation:
    """Builds the computation `(float64[?, columns]@CLIENTS -> float64[size]@SERVER)`.

    Args:
        cells: the entries.
        settings: noise and who adds it.
        most_rows: rows of the largest hospital, a public constant: no entry of a hospital's counts exceeds it.

    Returns:
        A computation whose result is the noisy sum of all patients' vectors, the only thing that depends on them.
    """
    return build_sum_release(
        lambda rows: local_cells(rows, cells),
        columns=len(cells.schema.columns),
        size=cells.size,
        sum_factory=noisy_sum_for(settings, sensitivity=cells.sensitivity, largest=most_rows),
    )


def release_cells(
    schema: Schema, matrices: Sequence[Matrix], cells: CellLayout, settings: PrivateStatistics
) -> np.ndarray:
    """Makes the release, in TFF's current execution context; `settings.event()` is what it costs each patient.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one float64 [rows, columns] a hospital.
        cells: the entries.
        settings: noise and who adds it.

    Returns:
        float64 [size].

    Raises:
        DataError: there is no row at all, or a matrix does not fit the schema.
        SettingsError: another number of hospitals than the settings say, or a secure sum outside the execution context
            that simulates it.
    """
    require_accounted(settings, len(matrices), subject="The private encoding is")
    checked = checked_clients(schema, matrices)
    release = build_cell_release(cells, settings, most_rows=max(len(matrix) for matrix in checked))
    return np.asarray(release(checked), np.float64)
