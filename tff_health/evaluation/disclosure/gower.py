"""Distance between rows of mixed columns, with missing cells (after Gower, Biometrics 27, 1971).

A number counts by its difference over the width of the *public* range, so that no patient's value scales another's; a
code counts 0 or 1. A missing cell is a value of its own, 1 from any other: Gower's own rule leaves such pairs out, and
a row of blanks would then be next to everybody. The distance is the mean over columns, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from data.schema import Column

_CELLS = 4_000_000  # distances in one block, to bound memory
_DECIMALS = 12  # equal distances must tie whatever columns they come from


def closest_others(columns: Sequence[Column], rows: pd.DataFrame, others: pd.DataFrame, count: int = 1) -> np.ndarray:
    """Positions of each row's closest others, closest first, int64 [rows, count]; of equally close ones the first.

    Args:
        columns: what is compared, one or more.
        rows: with these columns, as `Schema.check` leaves them.
        others: the same, `count` or more.
        count: how many are wanted, 1 or more.
    """
    found = np.empty((len(rows), count), np.int64)
    for chosen, block in gower_blocks(columns, rows, others):
        if count == 1:
            found[chosen, 0] = block.argmin(axis=1)
        else:
            found[chosen] = np.argsort(block, axis=1, kind="stable")[:, :count]
    return found


def gower_blocks(
    columns: Sequence[Column], rows: pd.DataFrame, others: pd.DataFrame
) -> Iterator[tuple[slice, np.ndarray]]:
    """Distances between all pairs, some rows at a time: which rows, and float64 [rows among them, others].

    Args:
        columns: what is compared, one or more.
        rows: with these columns, as `Schema.check` leaves them.
        others: the same.
    """
    if not columns:
        raise ValueError("rows cannot be compared on no column")
    left, right = _scaled(columns, rows), _scaled(columns, others)
    size = max(1, _CELLS // max(len(others), 1))
    for start in range(0, len(left), size):
        chosen = slice(start, min(start + size, len(left)))
        total = np.zeros((chosen.stop - chosen.start, len(right)))
        for index, column in enumerate(columns):
            total += _column_distances(column, left[chosen, index, np.newaxis], right[:, index])
        yield chosen, np.round(total / len(columns), _DECIMALS)


def _column_distances(column: Column, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    differ = np.abs(left - right) if column.is_numeric else (left != right).astype(np.float64)
    return np.where(np.isnan(left) | np.isnan(right), np.isnan(left) != np.isnan(right), differ)


def _scaled(columns: Sequence[Column], frame: pd.DataFrame) -> np.ndarray:
    """Numbers over the public range's width, codes as positions, missing as NaN: float64 [rows, columns]."""
    values = np.empty((len(frame), len(columns)))
    for index, column in enumerate(columns):
        if column.is_numeric:
            assert column.bounds is not None
            values[:, index] = frame[column.name].to_numpy(np.float64) / (column.bounds[1] - column.bounds[0])
        else:
            positions = {code: position for position, code in enumerate(column.codes)}
            values[:, index] = [np.nan if pd.isna(v) else positions[v] for v in frame[column.name]]
    return values
