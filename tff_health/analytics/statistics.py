"""One TFF computation, one pass over each hospital's rows: everything scalers, imputers and encoders need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import DataError
from data.schema import Schema
from tff_health.analytics.column_layout import PARTS, ColumnLayout, Part
from tff_health.analytics.local_sums import local_extremes, local_sums
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.runtime.at_hospital import AtHospital

DEFAULT_BINS = 128
Matrix = np.ndarray | AtHospital
"""A hospital's rows, float64 [rows, columns] as `Schema.encode` gives them, or how the hospital makes them."""


def build_table_statistics(
    schema: Schema,
    *,
    bins: int = DEFAULT_BINS,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
    sum_dtype: type[np.floating[Any]] = np.float64,
    extremes: bool = True,
    correlation: bool = True,
    parts: Collection[Part] = PARTS,
) -> tff.Computation:
    """Builds the computation `(float64[?, columns]@CLIENTS -> totals@SERVER)`.

    All sums go through `sum_factory` as one structure of float64 tensors (`local_sums`), in which one patient moves
    no entry by more than 1: a secure or a differentially private sum is plugged in there. Minima and maxima cannot be
    sums; they are values of single patients, so an experiment that claims privacy switches `extremes` off.

    Args:
        schema: the columns, in the order of the matrices.
        bins: the most histogram bins per numeric column.
        sum_factory: sums a structure over hospitals; a plain sum by default.
        sum_dtype: precision in which each hospital's sums are handed to the factory. TFF's differentially private
            factories take float32 only, whose rounding their noise drowns.
        extremes: whether minima and maxima are computed.
        correlation: whether the cross-moments of a correlation matrix are computed.
        parts: what is computed besides the numbers of rows and of observed cells: `moments` (means and variances),
            `histograms` (quantiles and modes), `categories` (counts of codes).

    Returns:
        A computation whose result has `sums`, and `minimum` and `maximum` where `extremes`.

    Raises:
        ValueError: a part is unknown.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"parts must be among {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    layout = ColumnLayout(schema, bins)
    rows_type = tff.TensorType(np.float64, [None, len(schema.columns)])
    factory = sum_factory or tff.aggregators.SumFactory()

    @tff.tensorflow.computation(rows_type)
    def hospital_sums(rows: Any) -> Any:
        sums = local_sums(rows, layout, correlation=correlation, parts=parts)
        return tf.nest.map_structure(lambda tensor: tf.cast(tensor, sum_dtype), sums)

    @tff.tensorflow.computation(rows_type)
    def hospital_extremes(rows: Any) -> Any:
        return local_extremes(rows, layout)

    total = factory.create(hospital_sums.type_signature.result)

    @tff.federated_computation(tff.FederatedType(rows_type, tff.CLIENTS))
    def table_statistics(rows: Any) -> Any:
        summed = total.next(total.initialize(), tff.federated_map(hospital_sums, rows))
        result = {"sums": summed.result}
        if extremes and layout.numeric:
            smallest, largest = tff.federated_map(hospital_extremes, rows)
            result["minimum"] = tff.federated_min(smallest)
            result["maximum"] = tff.federated_max(largest)
        return result

    return table_statistics


def compute_table_statistics(
    schema: Schema,
    matrices: Sequence[Matrix],
    *,
    bins: int = DEFAULT_BINS,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
    sum_dtype: type[np.floating[Any]] = np.float64,
    extremes: bool = True,
    correlation: bool = True,
    parts: Collection[Part] = PARTS,
) -> TableStatistics:
    """Computes the statistics of all hospitals' rows together, in TFF's current execution context.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one a hospital. Training rows only: whatever stands in here shapes the preprocessing.
        bins: the most histogram bins per numeric column; quantiles are exact to one bin.
        sum_factory: see `build_table_statistics`.
        sum_dtype: see `build_table_statistics`.
        extremes: see `build_table_statistics`.
        correlation: see `build_table_statistics`.
        parts: see `build_table_statistics`.

    Returns:
        The statistics; equal, to rounding, however the rows are divided among hospitals.

    Raises:
        DataError: there is no hospital, no row at all, or a matrix that does not fit the schema.
    """
    checked = checked_clients(schema, matrices)
    computation = build_table_statistics(
        schema,
        bins=bins,
        sum_factory=sum_factory,
        sum_dtype=sum_dtype,
        extremes=extremes,
        correlation=correlation,
        parts=parts,
    )
    totals: Mapping[str, Any] = computation(checked)
    return TableStatistics.from_totals(
        ColumnLayout(schema, bins),
        totals["sums"],
        hospitals=len(checked),
        minimum=totals.get("minimum"),
        maximum=totals.get("maximum"),
    )


def checked_clients(schema: Schema, matrices: Sequence[Matrix]) -> list[Matrix]:
    """As `checked_matrices`; what a hospital makes itself it has checked itself."""
    checked = [
        matrix if isinstance(matrix, AtHospital) else _check(schema, matrix, index)
        for index, matrix in enumerate(matrices)
    ]
    _require_rows(checked)
    return checked


def checked_matrices(schema: Schema, matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The hospitals' rows as float64, or why no statistics can be made of them.

    Raises:
        DataError: there is no hospital, no row at all, or a matrix that does not fit the schema.
    """
    checked = [_check(schema, matrix, index) for index, matrix in enumerate(matrices)]
    _require_rows(checked)
    return checked


def _require_rows(matrices: Sequence[Matrix]) -> None:
    if not sum(map(len, matrices)):
        raise DataError("No hospital has a training row: statistics need at least one patient.")


def _check(schema: Schema, matrix: np.ndarray, index: int) -> np.ndarray:
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != len(schema.columns):
        raise DataError(
            f"Hospital {index + 1}'s rows have shape {matrix.shape}, but the schema has {len(schema.columns)} columns: "
            "encode them with Schema.encode."
        )
    for column, values in zip(schema.columns, matrix.T, strict=True):
        seen = values[~np.isnan(values)]
        if column.is_numeric:
            fits = bool(np.isfinite(seen).all())
        else:
            fits = bool(np.isin(seen, np.arange(len(column.codes))).all())
        if not fits:
            raise DataError(
                f"Hospital {index + 1}, column {column.name!r}: "
                + ("a value is infinite" if column.is_numeric else "a code is not a position in the codebook")
                + "; check the table with Schema.check and encode it with Schema.encode."
            )
    return matrix
