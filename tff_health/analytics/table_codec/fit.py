"""Fits a table's encoding across hospitals by sums alone, without a privacy guarantee."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow_federated as tff

from data.schema import Column, Schema
from tff_health.analytics.mixtures.federated import fit_mixtures
from tff_health.analytics.mixtures.mixture import GaussianMixture
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.statistics import DEFAULT_BINS, Matrix, checked_clients, compute_table_statistics
from tff_health.analytics.table_codec.checks import check_encoding
from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.analytics.table_codec.coded_column import CodedColumn
from tff_health.analytics.table_codec.fitted import FittedCodec
from tff_health.analytics.table_codec.numeric_column import SPREAD, NumericColumn
from tff_health.analytics.table_codec.reach import widened


def fit_codec(
    schema: Schema,
    matrices: Sequence[Matrix],
    *,
    max_modes: int = 10,
    settings: MixtureSettings | None = None,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
) -> FittedCodec:
    """Fits the encoding of CTGAN (arXiv 1907.00503, section 4.2) to rows that stay in their hospitals.

    Runs in TFF's current execution context. Hospitals send sums only: moments, histograms and counts of categories,
    the mixtures' statistics in every iteration, and counts that say whether the encoding holds every value. The result
    is the same, to rounding, however the rows are divided among hospitals.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one a hospital; training rows only.
        max_modes: the most modes of a numeric column; `settings` overrides it.
        settings: of the mixtures.
        sum_factory: sums structures of float64 tensors over hospitals in which one patient moves no entry by more
            than 1; a plain sum by default. A secure sum needs the execution context `test` (simulated: NOT SECURE).

    Returns:
        The encoding and exact counts of categories.

    Raises:
        DataError: there is no row at all, or a matrix that does not fit the schema.
    """
    settings = settings or MixtureSettings(max_modes=max_modes)
    matrices = checked_clients(schema, matrices)
    statistics = compute_table_statistics(schema, matrices, sum_factory=sum_factory, extremes=False, correlation=False)
    mixtures = fit_mixtures(schema, matrices, statistics, settings, sum_factory=sum_factory)
    missing = np.rint(statistics.missing)
    kept: dict[str, GaussianMixture] = {}
    for index, column in enumerate(schema.columns):
        if column.is_numeric:
            some = np.rint(statistics.observed[index]) > 0
            kept[column.name] = (
                mixtures[column.name].kept(settings.least_weight) if some else mixture_of_nothing(column)
            )
    checks = check_encoding(
        schema,
        matrices,
        {name: mixture.means for name, mixture in kept.items()},
        {name: SPREAD * mixture.deviations for name, mixture in kept.items()},
        bins=DEFAULT_BINS,
        sum_factory=sum_factory,
    )

    columns: list[NumericColumn | CodedColumn] = []
    counts: dict[str, np.ndarray] = {}
    for index, column in enumerate(schema.columns):
        blank = bool(missing[index] > 0) and column.name != schema.target  # no checked table misses a target
        if column.is_numeric:
            intervals, decimals = checks[column.name]
            columns.append(numeric_column(column, kept[column.name], intervals, missing=blank, decimals=decimals))
        else:
            cells = np.maximum(np.rint(statistics.categories[column.name]), 0.0)
            columns.append(coded_column(column, cells, missing=blank))
            counts[column.name] = np.append(cells, missing[index]) if blank else cells
    return FittedCodec(
        codec=TableCodec(tuple(columns)),
        counts=counts,
        rows=sum(len(matrix) for matrix in matrices),
        noise=0.0,
        converged={name: mixture.converged for name, mixture in mixtures.items()},
    )


def mixture_of_nothing(column: Column) -> GaussianMixture:
    """The one mode of a column without a value: the middle of its public bounds, reaching to both."""
    assert column.bounds is not None
    low, high = column.bounds
    return GaussianMixture(np.ones(1), np.array([(low + high) / 2]), np.array([(high - low) / 2 / SPREAD]), np.zeros(1))


def numeric_column(
    column: Column, mixture: GaussianMixture, intervals: np.ndarray, *, missing: bool, decimals: int | None
) -> NumericColumn:
    """The encoding of a numeric column.

    Args:
        column: its kind and bounds.
        mixture: the modes that are kept.
        intervals: float64 [k, 2], bins that the modes must reach.
        missing: whether a cell can be missing.
        decimals: digits after the point, None where they are not known.
    """
    assert column.bounds is not None
    return NumericColumn(
        name=column.name,
        bounds=column.bounds,
        integer=column.kind == "integer",
        means=tuple(mixture.means.tolist()),
        deviations=tuple(mixture.deviations.tolist()),
        reaches=tuple(widened(mixture, column, intervals).tolist()),
        weights=tuple(mixture.weights.tolist()),
        missing=missing,
        decimals=None if column.kind == "integer" else decimals,
    )


def coded_column(column: Column, counts: np.ndarray, *, missing: bool) -> CodedColumn:
    """The encoding of a coded column; a column without a value has even shares.

    Args:
        column: its codebook.
        counts: float64 [codes], not negative.
        missing: whether a cell can be missing.
    """
    total = counts.sum()
    shares = counts / total if total > 0 else np.full(len(column.codes), 1 / len(column.codes))
    return CodedColumn(column.name, tuple(shares.tolist()), missing)
