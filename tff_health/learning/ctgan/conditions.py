"""Which conditions are drawn, and the real rows that meet them: training by sampling, arXiv 1907.00503, section 4.3.

A column is drawn uniformly, one of its categories by log frequency, then a real row that has it. All draws of a round
are made at once; rows are sorted by category once a round, so that a draw costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data.encoded_layout import EncodedLayout

_ALG = "philox"  # the same numbers on every machine


class DrawnConditions(NamedTuple):
    """Conditions and, at a hospital, row numbers that meet them.

    Attributes:
        vectors: float32 [draws, condition width], one-hot.
        rows: int32 [draws]; empty on the server.
    """

    vectors: tf.Tensor
    rows: tf.Tensor


class ConditionSampler:
    """Draws conditions by the frequencies of the federation, and rows of one hospital.

    Args:
        layout: of the rows.
        counts: by column that rows can be conditioned on, how many rows have each category [segment size].
        log_frequency: by log(1 + count), as the paper; otherwise by count.

    Raises:
        ValueError: counts of other columns or sizes, or negative ones.
    """

    def __init__(self, layout: EncodedLayout, counts: Mapping[str, np.ndarray], *, log_frequency: bool) -> None:
        segments = layout.conditions
        for segment in segments:
            if segment.column not in counts or np.shape(counts[segment.column]) != (segment.size,):
                raise ValueError(f"column {segment.column!r} needs {segment.size} counts of its categories")
            if not (np.asarray(counts[segment.column]) >= 0).all():
                raise ValueError(f"column {segment.column!r} has negative or undefined counts")
        self.width = layout.condition_width
        self._log_frequency = log_frequency
        self._columns = len(segments)
        longest = max((segment.size for segment in segments), default=1)
        starts = np.cumsum([0, *(segment.size for segment in segments)])[:-1]
        inside = np.arange(longest) < np.array([segment.size for segment in segments]).reshape(-1, 1)
        self._inside = inside
        # [columns, longest]: where a category stands in the condition vector, and in a row.
        self._in_condition = np.where(inside, starts.reshape(-1, 1) + np.arange(longest), 0).astype(np.int32)
        in_row = np.array([segment.start for segment in segments]).reshape(-1, 1) + np.arange(longest)
        self._in_row = np.where(inside, in_row, 0).astype(np.int32)
        table = np.zeros((len(segments), longest), np.float32)
        for line, segment in zip(table, segments, strict=True):
            line[: segment.size] = counts[segment.column]
        self._counts = table
        # [condition width]: where each entry of the condition vector stands in a row.
        self.row_entries = self._in_row[inside]

    def at_server(self, draws: int, seed: tf.Tensor) -> tf.Tensor:
        """Conditions [draws, condition width] by the federation's frequencies.

        Args:
            draws: how many.
            seed: int64 [2].
        """
        weights = np.log1p(self._counts) if self._log_frequency else self._counts
        empty = weights.sum(1, keepdims=True) <= 0  # noisy counts of a column can all be zero
        weights = np.where(empty, self._inside, weights).astype(np.float32)
        uniform = tf.random.stateless_uniform([2, draws], seed, alg=_ALG)
        column = self._column(uniform[0])
        category = _inverse_cumulative(tf.gather(tf.constant(weights), column), uniform[1])
        return self._vectors(column, category)

    def at_hospital(self, rows: tf.Tensor, draws: int, seed: tf.Tensor) -> DrawnConditions:
        """Conditions that some of the hospital's rows meet, and for each a row that does, uniformly drawn.

        Args:
            rows: [rows, width], one or more.
            draws: how many.
            seed: int64 [2].
        """
        number = tf.shape(rows)[0]
        uniform = tf.random.stateless_uniform([3, draws], seed, alg=_ALG)
        if not self._columns:
            taken = tf.cast(uniform[0] * tf.cast(number, tf.float32), tf.int32)
            return DrawnConditions(tf.zeros([draws, 0]), tf.minimum(taken, number - 1))
        values = tf.where(self._inside, tf.gather(rows, self._in_row, axis=1), -1.0)  # [rows, columns, longest]
        category_of_row = tf.argmax(values, 2, tf.int32)
        own = tf.reduce_sum(tf.one_hot(category_of_row, values.shape[2]), 0)  # [columns, longest]
        # By log, the federation's frequencies among the categories that are here; a noisy count can be zero.
        by_log = tf.where(own > 0, tf.math.log1p(tf.maximum(self._counts, 1.0)), 0.0)
        weights = by_log if self._log_frequency else own
        column = self._column(uniform[0])
        category = _inverse_cumulative(tf.gather(weights, column), uniform[1])
        sorted_rows = tf.argsort(category_of_row, 0, stable=True)  # [rows, columns]
        place = tf.stack([column, category], 1)
        size = tf.gather_nd(own, place)
        first = tf.gather_nd(tf.cumsum(own, 1, exclusive=True), place)
        offset = tf.minimum(tf.floor(uniform[2] * size), size - 1.0)
        taken = tf.gather_nd(sorted_rows, tf.stack([tf.cast(first + offset, tf.int32), column], 1))
        return DrawnConditions(self._vectors(column, category), taken)

    def _column(self, uniform: tf.Tensor) -> tf.Tensor:
        return tf.minimum(tf.cast(uniform * self._columns, tf.int32), self._columns - 1)

    def _vectors(self, column: tf.Tensor, category: tf.Tensor) -> tf.Tensor:
        return tf.one_hot(tf.gather_nd(self._in_condition, tf.stack([column, category], 1)), self.width)


def _inverse_cumulative(weights: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Positions drawn by weight: int32 [draws] from weights [draws, positions] and numbers in [0, 1)."""
    cumulative = tf.cumsum(weights, 1)
    return tf.reduce_sum(tf.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], tf.int32), 1)
