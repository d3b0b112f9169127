"""One round: the noisy sum over hospitals of what a `MarginalQuery` asks, as a TFF computation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.fixed_point_sum import fixed_point_sum
from tff_health.analytics.private_settings import NoisePlacement, PrivateStatistics
from tff_health.analytics.statistics import Matrix
from tff_health.analytics.sum_release import build_sum_release, noisy_sum_for
from tff_health.runtime.at_hospital import are_apart
from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.marginal_query import MarginalQuery


def local_marginals(rows: tf.Tensor, query: MarginalQuery) -> tf.Tensor:
    """A hospital's sum of the coded cells of its rows.

    Whatever the floats in `rows`, one row adds one code to each block: numbers beyond the public bounds count as the
    bound, and what is no position in a codebook as missing.

    Args:
        rows: float64 [rows, columns].
        query: what is summed.

    Returns:
        float64 [query.size].
    """
    cells = _cells(rows, query.layout)
    codes, blocks = query.table
    where: tf.Tensor = tf.constant(0, tf.int32)
    for columns, groups in zip(query.columns, query.groups, strict=True):
        offsets = np.arange(len(columns), dtype=np.int32) * groups.shape[1]
        where += tf.gather(tf.constant(groups.reshape(-1)), tf.gather(cells, columns, axis=1) + offsets)
    flat = tf.reshape(where, [-1])
    counts = tf.math.unsorted_segment_sum(tf.ones(tf.shape(flat), tf.float64), flat, len(codes))
    sums = tf.math.unsorted_segment_sum(counts[:, tf.newaxis] * codes, blocks, len(query.blocks))
    return tf.ensure_shape(tf.gather(tf.reshape(sums, [-1]), query.places), [query.size])


def build_marginal_release(
    query: MarginalQuery,
    *,
    noise_multiplier: float | None,
    placement: NoisePlacement,
    hospitals: int,
    most_rows: int,
    exact_sum: tff.aggregators.UnweightedAggregationFactory | None = None,
) -> tff.Computation:
    """Builds the computation `(float64[?, columns]@CLIENTS -> float64[size]@SERVER)`.

    Args:
        query: what is summed.
        noise_multiplier: standard deviation of the noise over the query's sensitivity; None: an exact, plain sum.
        placement: `shared`: noise in shares under a secure sum (simulated: NOT SECURE; needs the context `test`);
            `each-hospital`: every hospital adds the whole noise and no sum needs to hide anything.
        hospitals: how many take part.
        most_rows: rows of the largest hospital, a public constant.
        exact_sum: where there is no noise; a plain sum by default.

    Returns:
        A computation whose result is the only thing that depends on patients.
    """
    sum_factory = exact_sum or tff.aggregators.SumFactory()
    if noise_multiplier is not None:
        sum_factory = noisy_sum_for(
            _private(noise_multiplier, placement, hospitals),
            sensitivity=query.sensitivity,
            largest=most_rows * max(block.largest for block in query.blocks),
        )
    return build_sum_release(
        lambda rows: local_marginals(rows, query),
        columns=len(query.layout.schema.columns),
        size=query.size,
        sum_factory=sum_factory,
    )


def release_marginals(
    query: MarginalQuery,
    matrices: Sequence[Matrix],
    *,
    noise_multiplier: float | None,
    placement: NoisePlacement,
) -> np.ndarray:
    """Makes one release in TFF's current execution context; arguments as in `build_marginal_release`.

    Returns:
        float64 [query.size].
    """
    computation = build_marginal_release(
        query,
        noise_multiplier=noise_multiplier,
        placement=placement,
        hospitals=len(matrices),
        most_rows=max(len(matrix) for matrix in matrices),
        # What hospitals that are apart send of their tables is masked.
        exact_sum=fixed_point_sum() if are_apart(matrices) else None,
    )
    return np.asarray(computation(list(matrices)), np.float64)


def total_stddev(
    query: MarginalQuery, noise_multiplier: float | None, placement: NoisePlacement, hospitals: int
) -> float:
    """Standard deviation of the noise on every released number, 0 without a guarantee."""
    if noise_multiplier is None:
        return 0.0
    return _private(noise_multiplier, placement, hospitals).total_stddev(query.sensitivity)


def _private(noise_multiplier: float, placement: NoisePlacement, hospitals: int) -> PrivateStatistics:
    return PrivateStatistics(noise_multiplier, placement, hospitals, secure_sum=placement == "shared")


def _cells(rows: tf.Tensor, layout: CellLayout) -> tf.Tensor:
    """int32 [rows, columns]: `CellLayout.cells` in the graph, defined for every float."""
    columns = []
    for index, (edges, values) in enumerate(zip(layout.edges, layout.values, strict=True)):
        column = rows[:, index]
        if edges is None:
            known = tf.logical_and(
                tf.logical_and(column >= 0, column <= values - 1), tf.equal(column, tf.round(column))
            )
            cell = tf.cast(tf.where(known, column, tf.zeros_like(column)), tf.int32)
        else:
            known = tf.logical_not(tf.math.is_nan(column))
            # A lower edge below every number, as an empty sequence cannot be searched.
            starts = tf.constant([-np.inf, *edges[1:-1]], tf.float64)
            cell = tf.searchsorted(starts, tf.where(known, column, tf.zeros_like(column)), side="right") - 1
        columns.append(tf.where(known, cell, values))
    return tf.stack(columns, axis=1)
