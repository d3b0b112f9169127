"""Fidelity: how like the real columns, and pairs of columns, the synthetic ones are, by SDMetrics' measures.

Each value lies in [0, 1], 1 being equal. `ks`: 1 less the Kolmogorov-Smirnov distance, numeric columns. `tv`: 1 less
the total variation distance, coded columns. `correlation`: 1 less half the difference of Pearson's correlations, pairs
of numeric columns. `contingency`: 1 less the total variation distance of the two-way table, all other pairs, numbers in
ten bins of the real range. `missing`: 1 less the difference of the shares of missing cells.

SDMetrics drops missing cells and skips what it cannot compute; a generator must not gain by either. So a missing code
counts as a category in `tv` and `contingency`, missing cells have a measure of their own, a synthetic column that is
all missing scores 0, and one that is constant counts as uncorrelated. Only what the *real* rows leave undefined is left
out. Equal distributions score below 1 on few rows: read the values beside those of real held-out rows.

Pairs are computed here, after the same formulas: SDMetrics' data frames take some fifty times as long, which a
bootstrap over hundreds of pairs of columns cannot afford.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from data.schema import Schema
from tff_health.evaluation.synthesis.binning import column_bins, positions
from tff_health.evaluation.synthesis.tables import SynthesisTables


def fidelity_metrics(tables: SynthesisTables) -> dict[str, float]:
    """Synthetic against real training rows; names and values as in `compare`."""
    return compare(tables.train_rows, tables.synthetic_rows, tables.schema)


def compare(real: np.ndarray, synthetic: np.ndarray, schema: Schema) -> dict[str, float]:
    """All measures of fidelity.

    Args:
        real: rows as `Schema.encode` gives them, float64 [rows, columns].
        synthetic: the same; the number of rows may differ.
        schema: of both.

    Returns:
        `ks`, `tv`, `correlation`, `contingency` and `missing`, each the mean over its columns or pairs and NaN where
        there is none; then by column `ks/COLUMN`, `tv/COLUMN` and `missing/COLUMN`.
    """
    by_column = column_similarities(real, synthetic, schema)
    means = {
        "ks": _mean(value for name, value in by_column.items() if name.startswith("ks/")),
        "tv": _mean(value for name, value in by_column.items() if name.startswith("tv/")),
        "correlation": _mean(correlation_similarities(real, synthetic, schema).values()),
        "contingency": _mean(contingency_similarities(real, synthetic, schema).values()),
        "missing": _mean(value for name, value in by_column.items() if name.startswith("missing/")),
    }
    return {**means, **by_column}


def column_similarities(real: np.ndarray, synthetic: np.ndarray, schema: Schema) -> dict[str, float]:
    """`ks/COLUMN`, `tv/COLUMN` and `missing/COLUMN`; arguments as in `compare`."""
    from sdmetrics.single_column import KSComplement, TVComplement

    values: dict[str, float] = {}
    for index, column in enumerate(schema.columns):
        ours, theirs = real[:, index], synthetic[:, index]
        if not column.is_numeric:
            # -1 stands for a missing code, which SDMetrics would drop.
            values[f"tv/{column.name}"] = float(
                TVComplement.compute(pd.Series(np.nan_to_num(ours, nan=-1)), pd.Series(np.nan_to_num(theirs, nan=-1)))
            )
        elif not np.isnan(ours).all():
            empty = np.isnan(theirs).all()
            values[f"ks/{column.name}"] = 0.0 if empty else float(KSComplement.compute(ours, theirs))
        values[f"missing/{column.name}"] = float(1 - abs(np.isnan(ours).mean() - np.isnan(theirs).mean()))
    return values


def correlation_similarities(real: np.ndarray, synthetic: np.ndarray, schema: Schema) -> dict[tuple[str, str], float]:
    """By pair of numeric columns whose correlation is defined in the real rows; arguments as in `compare`."""
    numeric = [index for index, column in enumerate(schema.columns) if column.is_numeric]
    ours, theirs = (_correlations(table[:, numeric]) for table in (real, synthetic))
    similarities = 1 - np.abs(ours - np.nan_to_num(theirs)) / 2
    return {
        (schema.names[numeric[left]], schema.names[numeric[right]]): float(similarities[left, right])
        for left, right in itertools.combinations(range(len(numeric)), 2)
        if not np.isnan(ours[left, right])
    }


def contingency_similarities(real: np.ndarray, synthetic: np.ndarray, schema: Schema) -> dict[tuple[str, str], float]:
    """By pair of columns of which one at least is coded; arguments as in `compare`."""
    bins = column_bins(real, schema)
    ours, theirs = positions(real, bins), positions(synthetic, bins)
    values: dict[tuple[str, str], float] = {}
    for left, right in itertools.combinations(range(len(bins)), 2):
        if bins[left].column.is_numeric and bins[right].column.is_numeric:
            continue
        cells = bins[left].size * bins[right].size
        table_real, table_synthetic = (
            np.bincount(table[:, left] * bins[right].size + table[:, right], minlength=cells) / len(table)
            for table in (ours, theirs)
        )
        similarity = 1 - np.abs(table_real - table_synthetic).sum() / 2
        values[schema.names[left], schema.names[right]] = float(similarity)
    return values


def _correlations(table: np.ndarray) -> np.ndarray:
    """Pearson's, float64 [columns, columns]: each pair over the rows that have both, NaN where one is constant."""
    return pd.DataFrame(table).corr(min_periods=2).to_numpy()


def _mean(values: Iterable[float]) -> float:
    chosen = list(values)
    return float(np.mean(chosen)) if chosen else float("nan")
