"""What one hospital computes from its own rows before anything leaves it: sums, and its extremes."""

from __future__ import annotations

import collections
from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tff_health.analytics.column_layout import PARTS, ColumnLayout, Part

Tensors = collections.OrderedDict[str, tf.Tensor]


def local_sums(rows: tf.Tensor, layout: ColumnLayout, *, correlation: bool, parts: Collection[Part] = PARTS) -> Tensors:
    """Sums over a hospital's rows; every global statistic follows from their totals.

    Moments are of z = (x - midpoint of the public bounds) / (half their width), which lies in [-1, 1]: the variance
    then loses no digits to a large mean (Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
    1983, section 3), and one patient moves no entry by more than 1, which is what a differentially private or a
    secure sum needs to know. Values outside the bounds, which a checked table does not have, count as the bound.

    Args:
        rows: float64 [rows, columns] as `Schema.encode` gives it, NaN for missing.
        layout: the order of the results.
        correlation: whether to add the cross-moments.
        parts: what is summed besides `rows` and `observed`: `moments` (`first` and `second`), `histograms`
            (`histogram`), `categories`.

    Returns:
        float64 tensors: `rows` []; `observed` [columns]; `first` and `second` [numeric], sums of z and z**2;
        `histogram` [all bins, column after column]; `categories` [all codes, column after column]; and, of the
        correlated columns, [K, K] each: `pairs` (rows with both i and j), `products` (sum of z_i z_j),
        `first_with` (sum of z_i where j is observed) and `second_with` (sum of z_i**2 where j is observed).
    """
    observed = tf.logical_not(tf.math.is_nan(rows))
    sums: Tensors = collections.OrderedDict()
    sums["rows"] = tf.cast(tf.shape(rows)[0], tf.float64)
    sums["observed"] = tf.reduce_sum(tf.cast(observed, tf.float64), axis=0)
    z, present = _normalised(rows, layout, layout.numeric)
    if "moments" in parts:
        sums["first"] = tf.reduce_sum(z, axis=0)
        sums["second"] = tf.reduce_sum(z * z, axis=0)
    if "histograms" in parts:
        sums["histogram"] = _histogram(rows, present, layout)
    if "categories" in parts:
        sums["categories"] = _category_counts(rows, layout)
    if correlation:
        z, present = _normalised(rows, layout, layout.correlated)
        sums["pairs"] = tf.matmul(present, present, transpose_a=True)
        sums["products"] = tf.matmul(z, z, transpose_a=True)
        sums["first_with"] = tf.matmul(z, present, transpose_a=True)
        sums["second_with"] = tf.matmul(z * z, present, transpose_a=True)
    return sums


def local_extremes(rows: tf.Tensor, layout: ColumnLayout) -> tuple[tf.Tensor, tf.Tensor]:
    """Smallest and largest value of each numeric column in one hospital.

    Args:
        rows: float64 [rows, columns], NaN for missing.
        layout: the order of the results.

    Returns:
        Two float64 tensors [numeric]; a column without any value gives +inf and -inf, which leave the minimum and
        the maximum over hospitals as they are.
    """
    values = tf.gather(rows, np.array(layout.numeric, np.int32), axis=1)
    missing = tf.math.is_nan(values)
    infinity = tf.fill(tf.shape(values), tf.constant(np.inf, tf.float64))
    return (
        tf.reduce_min(tf.where(missing, infinity, values), axis=0),
        tf.reduce_max(tf.where(missing, -infinity, values), axis=0),
    )


def _normalised(rows: tf.Tensor, layout: ColumnLayout, positions: tuple[int, ...]) -> tuple[tf.Tensor, tf.Tensor]:
    """z with 0 where missing, and 1.0 where observed; float64 [rows, positions] each."""
    values = tf.gather(rows, np.array(positions, np.int32), axis=1)
    bounds = layout.bounds(positions)
    middle, half = bounds.mean(axis=1), (bounds[:, 1] - bounds[:, 0]) / 2
    missing = tf.math.is_nan(values)
    z = tf.clip_by_value((values - middle) / half, tf.constant(-1.0, tf.float64), tf.constant(1.0, tf.float64))
    return tf.where(missing, tf.zeros_like(z), z), tf.cast(tf.logical_not(missing), tf.float64)


def _histogram(rows: tf.Tensor, present: tf.Tensor, layout: ColumnLayout) -> tf.Tensor:
    if not layout.numeric:
        return tf.zeros([0], tf.float64)
    values = tf.transpose(tf.gather(rows, np.array(layout.numeric, np.int32), axis=1))
    values = tf.where(tf.math.is_nan(values), tf.zeros_like(values), values)
    bins = tf.searchsorted(tf.constant(layout.padded_edges), values, side="right") - 1
    last = layout.bin_counts[:, np.newaxis] - 1
    bins = tf.clip_by_value(bins, np.zeros_like(last), last)
    return _counts(bins, tf.transpose(present), layout.bin_counts)


def _category_counts(rows: tf.Tensor, layout: ColumnLayout) -> tf.Tensor:
    if not layout.coded:
        return tf.zeros([0], tf.float64)
    values = tf.transpose(tf.gather(rows, np.array(layout.coded, np.int32), axis=1))
    missing = tf.math.is_nan(values)
    codes = tf.cast(tf.where(missing, tf.zeros_like(values), values), tf.int32)
    return _counts(codes, tf.cast(tf.logical_not(missing), tf.float64), layout.code_counts)


def _counts(cells: tf.Tensor, weights: tf.Tensor, sizes: np.ndarray) -> tf.Tensor:
    """Weights added up by cell: `cells` and `weights` [columns, rows], result [sum of sizes]."""
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    flat = tf.reshape(cells + offsets[:, np.newaxis], [-1])
    return tf.math.unsorted_segment_sum(tf.reshape(weights, [-1]), flat, int(sizes.sum()))
