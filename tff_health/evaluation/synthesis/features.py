"""Rows as points among which distances mean something: numbers standardised on real rows, codes one-hot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.schema import Schema


@dataclass(frozen=True, eq=False)
class RowFeatures:
    """Turns rows into points, by means and spreads of real rows.

    A number becomes (x - mean) / sd; a code becomes its one-hot vector, whose mismatch has squared distance 2: as much
    as two independent standardised numbers have on average, so no kind of column outweighs the other. A missing number
    lies at the mean and sets an entry of its own; a missing code is a category of its own.

    Attributes:
        schema: of the rows.
        means: float64 [columns]; of numeric columns only, else 0.
        spreads: float64 [columns], positive; likewise, else 1.
    """

    schema: Schema
    means: np.ndarray
    spreads: np.ndarray

    @classmethod
    def fit(cls, real: np.ndarray, schema: Schema) -> RowFeatures:
        """Takes means and spreads off real rows.

        Args:
            real: float64 [rows, columns] as `Schema.encode` gives them.
            schema: of the rows.
        """
        means, spreads = np.zeros(len(schema.columns)), np.ones(len(schema.columns))
        for index, column in enumerate(schema.columns):
            values = real[:, index][~np.isnan(real[:, index])]
            if column.is_numeric and len(values):
                means[index] = values.mean()
                spreads[index] = values.std() or 1.0
        return cls(schema, means, spreads)

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """float64 [rows, features] of rows as `Schema.encode` gives them."""
        parts = []
        for index, column in enumerate(self.schema.columns):
            values, missing = rows[:, index], np.isnan(rows[:, index])
            if column.is_numeric:
                standardised = (values - self.means[index]) / self.spreads[index]
                parts.append(np.column_stack([np.where(missing, 0.0, standardised), missing]))
            else:
                position = np.where(missing, len(column.codes), values).astype(np.int64)
                parts.append(np.eye(len(column.codes) + 1)[position])
        return np.hstack(parts)
