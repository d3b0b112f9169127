"""Strict reading of comma-separated tables: every fault named with its file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from data.errors import DataError, clip

MISSING_MARKS = frozenset({"", "?", "NA", "N/A", "NaN", "nan", "null"})
"""Cells that count as missing, after surrounding blanks are taken off."""


def read_csv_rows(
    content: bytes,
    source: str,
    header: Sequence[str] | None = None,
    missing: Collection[str] = MISSING_MARKS,
) -> pd.DataFrame:
    """The table as text cells, missing ones as NaN; nothing is guessed, converted or skipped.

    Args:
        content: the file's bytes, UTF-8 with or without a byte order mark; any line ends.
        source: the file as messages call it.
        header: the column names where the file has no header line of its own.
        missing: cells that count as missing.

    Returns:
        Object columns of str or NaN; row k of the frame is the k-th line of data.

    Raises:
        DataError: bytes that are no UTF-8, no line at all, a line with too few or too many cells, an empty
            line between others, two columns of one name, or a broken quotation.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{source}, line {line}: not UTF-8 text; save the file as a CSV in UTF-8.") from error
    lines = _split(text, source)
    while lines and not "".join(lines[-1][1]).strip() and len(lines[-1][1]) < 2:
        lines.pop()
    if header is None and lines:
        header = [name.strip() for name in lines.pop(0)[1]]
        for name in header:
            if header.count(name) > 1:
                raise DataError(f"{source} has two columns {clip(repr(name))}: rename or delete one of them.")
    if header is None or (not lines and not text.strip()):
        raise DataError(f"{source} is empty: give it at least one patient or leave it out.")
    for position, (number, cells) in enumerate(lines):
        if len(cells) == len(header):
            continue
        last = position == len(lines) - 1
        remedy = "the file looks cut short, so fetch or export it again" if last else "correct the line"
        raise DataError(f"{source}, line {number}: {len(cells)} of {len(header)} columns; {remedy}.")
    table = [[np.nan if cell.strip() in missing else cell.strip() for cell in cells] for _, cells in lines]
    return pd.DataFrame(table, columns=list(header), dtype=object)


def _split(text: str, source: str) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise DataError(
            f"{source}, line {reader.line_num}: not readable as comma-separated values ({error}); correct the line."
        ) from error
