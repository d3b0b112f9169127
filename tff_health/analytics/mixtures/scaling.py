"""Numeric columns scaled by their public bounds to [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data.schema import Schema


@dataclass(frozen=True, eq=False)
class BoundsScale:
    """Which columns of a table are numbers, and how they are scaled.

    Attributes:
        names: of the numeric columns.
        positions: of the numeric columns among all.
        table_width: number of all columns.
        low: float64 [numeric], lower public bounds.
        width: float64 [numeric], upper less lower public bound, above 0.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    table_width: int
    low: np.ndarray
    width: np.ndarray

    @classmethod
    def of(cls, schema: Schema) -> BoundsScale:
        """The numeric columns of a schema."""
        positions = tuple(i for i, column in enumerate(schema.columns) if column.is_numeric)
        bounds = np.array([schema.columns[i].bounds for i in positions], np.float64).reshape(-1, 2)
        names = tuple(schema.columns[i].name for i in positions)
        return cls(names, positions, len(schema.columns), bounds[:, 0], bounds[:, 1] - bounds[:, 0])

    def scaled(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Values in [0, 1] with 0 for missing ones, and weights, 1 where there is a value: float64 [rows, numeric].

        Values outside the bounds, which a checked table does not have, count as the bound.
        """
        numbers = tf.gather(rows, np.array(self.positions, np.int32), axis=1)
        missing = tf.math.is_nan(numbers)
        zero, one = tf.constant(0.0, tf.float64), tf.constant(1.0, tf.float64)
        values = tf.clip_by_value((tf.where(missing, zero, numbers) - self.low) / self.width, zero, one)
        return values, tf.cast(tf.logical_not(missing), tf.float64)
