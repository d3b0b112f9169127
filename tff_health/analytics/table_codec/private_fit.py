"""Fits a table's encoding from one differentially private release, and from nothing else of the patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.schema import Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.histogram import Histogram
from tff_health.analytics.mixtures.from_histogram import fit_histograms
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.statistics import Matrix
from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.analytics.table_codec.coded_column import CodedColumn
from tff_health.analytics.table_codec.fit import coded_column, mixture_of_nothing, numeric_column
from tff_health.analytics.table_codec.fitted import FittedCodec
from tff_health.analytics.table_codec.numeric_column import NumericColumn
from tff_health.analytics.table_codec.private_cells import CellLayout, bins_for
from tff_health.analytics.table_codec.private_release import release_cells


def fit_private_codec(
    schema: Schema,
    matrices: Sequence[Matrix],
    settings: PrivateStatistics,
    *,
    bins: int | None = None,
    mixture_settings: MixtureSettings | None = None,
) -> FittedCodec:
    """Fits an encoding within a privacy budget, in TFF's current execution context.

    One release: for every column, how many rows stand in each bin over the public bounds, or have each code, and how
    many are missing, with Gaussian noise. Mixtures are then fitted to the noisy histograms on the server. The cost is
    `settings.event()`; unit and adjacency are those of `PrivateStatistics`.

    Unlike `fit_codec`'s, the encoding clips values that lie beyond all modes, and a missing cell of a column whose
    released count of missing cells is lost in the noise is encoded as a value drawn from the column's distribution.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one float64 [rows, columns] a hospital, as `Schema.encode` gives it; training rows only.
        settings: noise and who adds it.
        bins: the most bins of a numeric column; by default as many as the noise and the number of rows bear, both of
            them public (`bins_for`).
        mixture_settings: of the mixtures.

    Returns:
        The encoding, and counts of categories that are noisy, not negative, and add up to the rows.

    Raises:
        DataError: there is no row at all, or a matrix that does not fit the schema.
        SettingsError: another number of hospitals than the settings say, or a secure sum outside the execution context
            that simulates it.
    """
    mixture_settings = mixture_settings or MixtureSettings()
    rows = sum(len(matrix) for matrix in matrices)
    noise = settings.total_stddev(float(np.sqrt(len(schema.columns))))
    cells = CellLayout(ColumnLayout(schema, bins or bins_for(rows, noise)))
    tables = cells.tables(release_cells(schema, matrices, cells, settings), rows, noise)

    # A mode lighter than the noise on one count is no more than that noise.
    least = min(max(mixture_settings.least_weight, noise / rows), 0.5)
    mixture_settings = replace(mixture_settings, least_weight=least)
    histograms = {
        schema.columns[index].name: Histogram(edges, tables[schema.columns[index].name][0])
        for index, edges in zip(cells.layout.numeric, cells.layout.edges, strict=True)
    }
    mixtures = fit_histograms(schema, histograms, mixture_settings)
    columns: list[NumericColumn | CodedColumn] = []
    counts: dict[str, np.ndarray] = {}
    for column in schema.columns:
        values, missing = tables[column.name]
        if column.is_numeric:
            some = values.sum() > 0
            mixture = mixtures[column.name].kept(least) if some else mixture_of_nothing(column)
            # Bins that are too full to be noise alone must be within the modes' reach.
            edges = histograms[column.name].edges
            full = np.flatnonzero(values > max(2 * noise, 0.5))
            intervals = np.column_stack([edges[full], edges[full + 1]])
            columns.append(numeric_column(column, mixture, intervals, missing=missing > 0, decimals=None))
        else:
            columns.append(coded_column(column, values, missing=missing > 0))
            counts[column.name] = np.append(values, missing) if missing > 0 else values
    converged = {name: mixture.converged for name, mixture in mixtures.items()}
    shares = {c.name: float(tables[c.name][1]) / rows for c in schema.columns if c.is_numeric and tables[c.name][1] > 0}
    return FittedCodec(TableCodec(tuple(columns)), counts, rows, noise, converged, shares)
