"""Tables boiled down to what a report draws: columns side by side, correlations, the first synthetic patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.schema import Column, Schema
from tff_health.reporting.document import Correlation
from tff_health.reporting.synthesis_document import ColumnComparison, ColumnSummary

BINS = 24
SHOWN_PATIENTS = 10


def summarised(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """A table's columns in plain statistics and the correlations of its numeric and binary columns, as JSON values."""
    columns = []
    for column in schema.columns:
        values = table[column.name]
        entry: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind,
            "unit": column.unit,
            "missing": float(values.isna().mean()),
        }
        present = values.dropna()
        if column.is_numeric and len(present):
            numbers = present.to_numpy(np.float64)
            entry |= {"mean": float(numbers.mean()), "sd": float(numbers.std(ddof=0))}
        columns.append(entry)
    return {"columns": columns, "correlation": _correlation(table, schema)}


def _correlation(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    chosen = [column for column in schema.columns if column.is_numeric or column.kind == "binary"]
    positions = [schema.names.index(column.name) for column in chosen]
    numbers = pd.DataFrame(schema.encode(table)[:, positions])
    matrix = numbers.corr(min_periods=3).to_numpy()
    return {
        "names": [column.name for column in chosen],
        "matrix": [[None if np.isnan(value) else float(value) for value in row] for row in matrix],
    }


def compared(real: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Each column's distribution in both tables, as JSON values: shares of the present cells."""
    return [_column(column, real[column.name], synthetic[column.name]) for column in schema.columns]


def _column(column: Column, real: pd.Series, synthetic: pd.Series) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "unit": column.unit,
        "real_missing": float(real.isna().mean()),
        "synthetic_missing": float(synthetic.isna().mean()),
    }
    first, second = real.dropna(), synthetic.dropna()
    if not column.is_numeric:
        counted = [[float((values == code).sum()) for code in column.codes] for values in (first, second)]
        return {**entry, "labels": list(column.codebook.values()), **_shares(*counted)}
    numbers = [values.to_numpy(np.float64) for values in (first, second)]
    edges = _edges(column, np.concatenate(numbers))
    counted = [np.histogram(values, edges)[0].astype(float).tolist() for values in numbers]
    return {**entry, "edges": edges.tolist(), **_shares(*counted)}


def _edges(column: Column, values: np.ndarray) -> np.ndarray:
    assert column.bounds is not None
    low, high = (float(values.min()), float(values.max())) if len(values) else column.bounds
    if column.kind == "integer":
        step = max(1, int(np.ceil((high - low + 1) / BINS)))
        return np.arange(low - 0.5, high + 0.5 + step, step)
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _shares(real: Sequence[float], synthetic: Sequence[float]) -> dict[str, list[float]]:
    def normalised(counts: Sequence[float]) -> list[float]:
        total = sum(counts)
        return [count / total if total else 0.0 for count in counts]

    return {"real": normalised(real), "synthetic": normalised(synthetic)}


def shown(table: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """The first synthetic patients for people: labels in place of codes, None where missing."""
    patients = []
    for _, row in table.head(SHOWN_PATIENTS).iterrows():
        patients.append({column.name: _cell(column, row[column.name]) for column in schema.columns})
    return patients


def _cell(column: Column, value: Any) -> str | float | None:
    if pd.isna(value):
        return None
    if not column.is_numeric:
        return column.codebook[value]
    return float(value) if column.kind == "integer" else float(f"{value:.4g}")


def column_comparisons(documents: Sequence[Mapping[str, Any]]) -> list[ColumnComparison]:
    """The document model of what `compared` gave."""
    return [ColumnComparison.model_validate(document) for document in documents]


def column_summaries(document: Mapping[str, Any]) -> list[ColumnSummary]:
    """The document model of the columns that `summarised` gave."""
    return [ColumnSummary.model_validate(entry) for entry in document["columns"]]


def table_correlation(document: Mapping[str, Any]) -> Correlation:
    """The document model of the correlations that `summarised` gave."""
    return Correlation.model_validate(document["correlation"])


def first_patients(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The document model of what `shown` gave."""
    return [dict(document) for document in documents]
