"""One hospital's part of a private release: the sum of its patients' vectors."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.local_sums import local_sums
from tff_health.analytics.release_layout import ReleaseLayout


def local_release(rows: tf.Tensor, release: ReleaseLayout) -> tf.Tensor:
    """Sums the vectors that `ReleaseLayout` describes over a hospital's rows.

    The bound on one row's vector holds for any floats whatever, whether or not `Schema.encode` can give them: numbers
    beyond the public bounds, infinities too, count as the bound, and what is no position in a codebook as missing.

    Args:
        rows: float64 [rows, columns].
        release: the entries.

    Returns:
        float64 [size].
    """
    layout = release.layout
    sums = local_sums(_without_foreign_codes(rows, layout), layout, correlation=False, parts=release.parts)
    entries = []
    if release.moments:
        at = release.moment_positions
        observed = tf.gather(sums["observed"], np.array(release.moments, np.int32))
        entries += [
            sums["rows"] - observed,
            tf.gather(sums["first"], at),
            observed - tf.gather(sums["second"], at),
        ]
    if release.histograms:
        entries.append(tf.gather(sums["histogram"], release.bin_positions))
    if release.categories:
        entries.append(tf.gather(sums["categories"], release.code_positions))
    return tf.concat(entries, axis=0) if entries else tf.zeros([0], tf.float64)


def _without_foreign_codes(rows: tf.Tensor, layout: ColumnLayout) -> tf.Tensor:
    """The rows with NaN for whatever stands in a coded column and is no position in its codebook.

    A position past a codebook's end would otherwise be counted in the next column's entries.
    """
    last = np.full(len(layout.schema.columns), np.inf)
    last[list(layout.coded)] = layout.code_counts - 1
    numeric = np.isinf(last)
    fits = tf.logical_and(tf.logical_and(rows >= 0, rows <= last), tf.equal(rows, tf.round(rows)))
    return tf.where(tf.logical_or(numeric, fits), rows, tf.constant(np.nan, tf.float64))
