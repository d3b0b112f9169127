"""How like real columns synthetic ones are, from sums over hospitals alone.

Names and values follow `evaluation.synthesis.fidelity`, where rows are at hand; here numbers are known to one of 1,000
bins over their public bounds. What takes rows, such as two-way tables and neighbours, is left out.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from data.schema import Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.local_sums import local_sums
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.experiments.synthesis.comparison import BINS as DRAWN_BINS

BINS = 1000


def statistics_of(table: pd.DataFrame, schema: Schema) -> TableStatistics:
    """The statistics that `compute_table_statistics` gives of hospitals' rows, of a table at hand."""
    layout = ColumnLayout(schema, BINS)
    sums = local_sums(tf.constant(schema.encode(table), tf.float64), layout, correlation=True)
    return TableStatistics.from_totals(layout, {name: total.numpy() for name, total in sums.items()}, hospitals=1)


def likeness(real: TableStatistics, synthetic: TableStatistics) -> dict[str, float]:
    """`ks`, `tv`, `correlation` and `missing`, each the mean over its columns or pairs, then by column.

    Args:
        real: of training rows, with `BINS` bins.
        synthetic: of the same columns and bins.
    """
    by_column: dict[str, float] = {}
    for place, column in enumerate(real.schema.columns):
        if not column.is_numeric:
            shares = [_with_missing(own, column.name, place) for own in (real, synthetic)]
            by_column[f"tv/{column.name}"] = float(1 - np.abs(shares[0] - shares[1]).sum() / 2)
        elif real.observed[place]:
            by_column[f"ks/{column.name}"] = _ks(real, synthetic, column.name, place)
        missing = [float(own.missing[place]) / own.rows for own in (real, synthetic)]
        by_column[f"missing/{column.name}"] = 1 - abs(missing[0] - missing[1])
    means = {
        measure: _mean([value for name, value in by_column.items() if name.startswith(f"{measure}/")])
        for measure in ("ks", "tv", "missing")
    }
    return {**means, "correlation": _mean(_correlations(real, synthetic)), **by_column}


def compared_statistics(real: TableStatistics, synthetic: TableStatistics) -> list[dict[str, Any]]:
    """Each column's distribution in both tables, as `comparison.compared` has it."""
    entries = []
    for place, column in enumerate(real.schema.columns):
        entry: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind,
            "unit": column.unit,
            "real_missing": float(real.missing[place]) / real.rows,
            "synthetic_missing": float(synthetic.missing[place]) / synthetic.rows,
        }
        if column.is_numeric:
            entry |= _drawn(real, synthetic, column.name)
        else:
            counts = [own.category_counts(column.name) for own in (real, synthetic)]
            entry |= {"labels": list(column.codebook.values()), **_shares(*counts)}
        entries.append(entry)
    return entries


def summarised_statistics(statistics: TableStatistics) -> dict[str, Any]:
    """A table's columns in plain statistics, and correlations, as `comparison.summarised` has them."""
    columns = []
    for place, column in enumerate(statistics.schema.columns):
        entry: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind,
            "unit": column.unit,
            "missing": float(statistics.missing[place]) / statistics.rows,
        }
        if column.is_numeric and statistics.observed[place]:
            entry |= {"mean": float(statistics.mean[place]), "sd": float(statistics.sd[place])}
        columns.append(entry)
    matrix = [[None if np.isnan(value) else float(value) for value in row] for row in statistics.correlation()]
    return {"columns": columns, "correlation": {"names": list(statistics.correlated), "matrix": matrix}}


def _ks(real: TableStatistics, synthetic: TableStatistics, name: str, place: int) -> float:
    if not synthetic.observed[place]:
        return 0.0
    ours, theirs = (np.cumsum(own.histogram(name).counts) / own.observed[place] for own in (real, synthetic))
    return float(1 - np.abs(ours - theirs).max())


def _with_missing(statistics: TableStatistics, name: str, place: int) -> np.ndarray:
    return np.append(statistics.category_counts(name), statistics.missing[place]) / statistics.rows


def _correlations(real: TableStatistics, synthetic: TableStatistics) -> list[float]:
    numeric = [place for place, name in enumerate(real.correlated) if real.schema[name].is_numeric]
    ours, theirs = real.correlation(), np.nan_to_num(synthetic.correlation())
    pairs = itertools.combinations(numeric, 2)
    return [1 - abs(ours[pair] - theirs[pair]) / 2 for pair in pairs if not np.isnan(ours[pair])]


def _drawn(real: TableStatistics, synthetic: TableStatistics, name: str) -> dict[str, Any]:
    """At most as many bins as reports draw, over the range in which either table has values."""
    edges, counts = real.histogram(name).edges, [own.histogram(name).counts for own in (real, synthetic)]
    filled = np.flatnonzero(counts[0] + counts[1])
    first, last = (filled[0], filled[-1]) if len(filled) else (0, len(edges) - 2)
    starts = np.arange(first, last + 1, -(-(last + 1 - first) // DRAWN_BINS))
    merged = [np.add.reduceat(own[: last + 1], starts) for own in counts]
    return {"edges": [*edges[starts].tolist(), float(edges[last + 1])], **_shares(*merged)}


def _shares(real: np.ndarray, synthetic: np.ndarray) -> dict[str, list[float]]:
    return {
        "real": (real / max(real.sum(), 1)).tolist(),
        "synthetic": (synthetic / max(synthetic.sum(), 1)).tolist(),
    }


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
