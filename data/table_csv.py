"""A table as a CSV file with the schema's types: whole numbers without a decimal point, codes as in the codebook."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from data.schema import Column, Schema
from data.whole_file import write_whole


def write_table(frame: pd.DataFrame, schema: Schema, path: Path, *, labels: bool = False) -> None:
    """Writes rows as `load_tables` and `Schema.check` take them.

    Codes, whole numbers and missing cells come back unchanged; continuous values are rounded to float32, about seven
    digits, and stay within the schema's bounds.

    Args:
        frame: rows in the schema's types; missing cells are written empty.
        schema: of the rows.
        path: of the file; its folder is made.
        labels: write a coded column's labels for people in place of its codes.

    Raises:
        DataError: the file cannot be written.
    """
    write_whole(path, table_text(frame, schema, labels=labels).encode())


def table_text(frame: pd.DataFrame, schema: Schema, *, labels: bool = False) -> str:
    """What `write_table` writes."""
    written = pd.DataFrame({column.name: _cells(column, frame[column.name], labels) for column in schema.columns})
    text: str = written.to_csv(index=False, lineterminator="\n")
    return text


def _cells(column: Column, values: pd.Series, labels: bool) -> list[str]:
    return ["" if pd.isna(value) else _text(column, value, labels) for value in values]


def _text(column: Column, value: object, labels: bool) -> str:
    if column.kind == "integer":
        return str(int(value))  # type: ignore[call-overload]
    if column.kind == "continuous":
        return _rounded(column, float(value))  # type: ignore[arg-type]
    return column.codebook[value] if labels else str(value)  # type: ignore[index]


def _rounded(column: Column, value: float) -> str:
    """The shortest text that gives the same float32 back: what a generator knows of a value is not more exact."""
    assert column.bounds is not None
    low, high = column.bounds
    with np.errstate(over="ignore"):
        near = np.float32(value)
    if not np.isfinite(near):
        return repr(value)
    # Rounding may lead out of the public range, where `Schema.check` would refuse the file: then the next one inside.
    if float(str(near)) > high:
        near = np.nextafter(near, np.float32(-np.inf))
    elif float(str(near)) < low:
        near = np.nextafter(near, np.float32(np.inf))
    return str(near) if low <= float(str(near)) <= high else repr(value)
