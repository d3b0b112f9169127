"""What a new encoding must know of the rows beyond their mixtures, as one TFF computation of counts."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.schema import Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.statistics import Matrix

MOST_DECIMALS = 6


def build_encoding_checks(
    layout: ColumnLayout, modes: int, *, sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None
) -> tff.Computation:
    """Builds `(float64[?, columns]@CLIENTS, means@SERVER, reaches@SERVER) -> counts@SERVER`.

    Means and reaches are float64 [numeric, modes]. One patient moves no count by more than 1.

    Args:
        layout: the columns and their bins.
        modes: the most modes of a column.
        sum_factory: sums a structure of float64 tensors over hospitals; a plain sum by default.

    Returns:
        A computation whose result has `unheld` [numeric, most bins], values by bin that lie within the reach of no
        mode, and `longer` [numeric, MOST_DECIMALS + 1], values with more than 0, 1, ... digits after the point.
    """
    rows_type = tff.TensorType(np.float64, [None, len(layout.schema.columns)])
    modes_type = tff.TensorType(np.float64, [len(layout.numeric), modes])

    @tff.tensorflow.computation(rows_type, modes_type, modes_type)
    def local_checks(rows: Any, means: Any, reaches: Any) -> Any:
        values = tf.gather(rows, np.array(layout.numeric, np.int32), axis=1)
        missing = tf.math.is_nan(values)
        present = tf.cast(tf.logical_not(missing), tf.float64)
        values = tf.where(missing, tf.zeros_like(values), values)
        held = tf.reduce_any(tf.abs(values[:, :, tf.newaxis] - means) <= reaches, axis=2)
        unheld = present * tf.cast(tf.logical_not(held), tf.float64)
        bins = tf.searchsorted(tf.constant(layout.padded_edges), tf.transpose(values), side="right") - 1
        last = layout.bin_counts[:, np.newaxis] - 1
        most = int(layout.bin_counts.max())
        cells = tf.clip_by_value(bins, np.zeros_like(last), last) + most * np.arange(len(last), dtype=np.int32)[:, None]
        by_cell = tf.math.unsorted_segment_sum(
            tf.reshape(tf.transpose(unheld), [-1]), tf.reshape(cells, [-1]), most * len(last)
        )
        longer = []
        for decimals in range(MOST_DECIMALS + 1):
            scaled = values * 10.0**decimals
            # A decimal fraction is no binary one: the tolerance is some units of a float's last digit.
            more = tf.abs(scaled - tf.round(scaled)) > 1e-9 + 1e-14 * tf.abs(scaled)
            longer.append(tf.reduce_sum(present * tf.cast(more, tf.float64), axis=0))
        return collections.OrderedDict(unheld=tf.reshape(by_cell, [len(last), most]), longer=tf.stack(longer, axis=1))

    total = (sum_factory or tff.aggregators.SumFactory()).create(local_checks.type_signature.result)

    @tff.federated_computation(
        tff.FederatedType(rows_type, tff.CLIENTS),
        tff.FederatedType(modes_type, tff.SERVER),
        tff.FederatedType(modes_type, tff.SERVER),
    )
    def encoding_checks(rows: Any, means: Any, reaches: Any) -> Any:
        broadcast = (tff.federated_broadcast(means), tff.federated_broadcast(reaches))
        return total.next(total.initialize(), tff.federated_map(local_checks, (rows, *broadcast))).result

    return encoding_checks


def check_encoding(
    schema: Schema,
    matrices: Sequence[Matrix],
    means: Mapping[str, np.ndarray],
    reaches: Mapping[str, np.ndarray],
    *,
    bins: int,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
) -> dict[str, tuple[np.ndarray, int | None]]:
    """Finds which bins hold values beyond the modes' reach, and how many decimals a column has.

    Args:
        schema: the columns.
        matrices: one a hospital.
        means: by numeric column, of its modes.
        reaches: by numeric column, of its modes.
        bins: the most bins of a column.
        sum_factory: see `build_encoding_checks`.

    Returns:
        By numeric column: float64 [k, 2], the ends of the bins with values that no mode holds; and the digits after
        the point that all its values get by with, None where that is more than `MOST_DECIMALS`.
    """
    layout = ColumnLayout(schema, bins)
    names = [schema.columns[i].name for i in layout.numeric]
    if not names:
        return {}
    most = max(len(means[name]) for name in names)

    def padded(of_modes: Mapping[str, np.ndarray], fill: float) -> np.ndarray:
        rows = [np.pad(of_modes[name], (0, most - len(of_modes[name])), constant_values=fill) for name in names]
        return np.array(rows, np.float64)

    computation = build_encoding_checks(layout, most, sum_factory=sum_factory)
    # No value lies within a negative reach.
    counts = computation(list(matrices), padded(means, 0.0), padded(reaches, -1.0))
    found: dict[str, tuple[np.ndarray, int | None]] = {}
    for index, name in enumerate(names):
        edges = layout.edges[index]
        # Half a value: a secure sum is exact only to its rounding.
        occupied = np.flatnonzero(counts["unheld"][index, : len(edges) - 1] > 0.5)
        enough = np.flatnonzero(counts["longer"][index] < 0.5)
        ends = np.column_stack([edges[occupied], edges[occupied + 1]])
        found[name] = (ends, int(enough[0]) if len(enough) else None)
    return found
