"""Usable statistics out of noisy sums: post-processing, which costs no privacy. NumPy only."""

from __future__ import annotations

import numpy as np

from tff_health.analytics.column_layout import has_unit_bins
from tff_health.analytics.histogram import Histogram
from tff_health.analytics.release_layout import ReleaseLayout
from tff_health.analytics.table_statistics import TableStatistics

SMALLEST_SD = 0.01
"""Floor of a standard deviation, relative to half the width of the public bounds: no standardised value can then lie
further than 200 from 0, whatever the noise did."""


def released_statistics(
    release: ReleaseLayout, vector: np.ndarray, *, rows: int, hospitals: int, noise: float
) -> TableStatistics:
    """Derives statistics from a released vector.

    Counts are moved to the nearest non-negative ones with the released total (Duchi, Shalev-Shwartz, Singer and
    Chandra, "Efficient projections onto the l1-ball", 2008), which itself lies between 0 and the number of rows. A
    mean lies within the public bounds, and is undefined (NaN) where the released count of values does not exceed twice
    its noise. A variance is at least its own first-order error and at least `SMALLEST_SD` squared, at most that of
    values at both bounds.

    Args:
        release: what the entries mean.
        vector: float64 [size], finite; the noisy sums.
        rows: number of rows of all hospitals, a public constant.
        hospitals: how many took part.
        noise: standard deviation of the noise on each entry.

    Returns:
        Statistics without extremes and correlations; parts that were not released are absent.
    """
    layout, schema = release.layout, release.layout.schema
    width = len(schema.columns)
    observed, mean, variance = np.full((3, width), np.nan)
    (missing, first, spread), bins, codes = release.split(vector)

    histograms = {}
    for name, counts in bins.items():
        edges = layout.edges[layout.numeric.index(schema.names.index(name))]
        counts = nonnegative_counts(counts, rows)
        histograms[name] = Histogram(edges, counts, has_unit_bins(schema[name], edges))
        observed[schema.names.index(name)] = counts.sum()
    categories = {name: nonnegative_counts(counts, rows) for name, counts in codes.items()}
    for name, counts in categories.items():
        observed[schema.names.index(name)] = counts.sum()

    at = list(release.moments)
    count = rows - np.clip(missing, 0.0, rows)
    observed[at] = count
    low, high = layout.bounds(release.moments).T
    middle, half = (low + high) / 2, (high - low) / 2
    z_mean, z_variance = z_moments(first, spread, count, noise)
    mean[at] = np.clip(middle + z_mean * half, low, high)
    variance[at] = z_variance * half**2
    return TableStatistics(
        schema=schema,
        hospitals=hospitals,
        rows=float(rows),
        observed=observed,
        mean=mean,
        variance=variance,
        minimum=np.full(width, np.nan),
        maximum=np.full(width, np.nan),
        histograms=histograms,
        categories=categories,
        correlated=(),
        correlations=None,
        moments=frozenset(schema.columns[i].name for i in release.moments),
        noise=noise,
    )


def z_moments(first: np.ndarray, spread: np.ndarray, count: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of z in [-1, 1] from noisy sums.

    Args:
        first: sums of z.
        spread: sums of 1 - z**2.
        count: numbers of values, not negative.
        noise: standard deviation of the noise on each.

    Returns:
        Means in [-1, 1] and variances in [SMALLEST_SD**2, 1]; NaN where `count` does not exceed twice its noise.
    """
    count = np.where(count > max(0.5, 2 * noise), count, np.nan)
    mean = np.clip(first / count, -1.0, 1.0)
    variance = np.clip(1.0 - spread / count - mean**2, 0.0, 1.0)
    floor = np.maximum(variance_error(mean, variance, count, noise), SMALLEST_SD**2)
    return mean, np.clip(variance, np.minimum(floor, 1.0), 1.0)


def variance_error(mean: np.ndarray, variance: np.ndarray, count: np.ndarray, noise: float) -> np.ndarray:
    """Standard deviation, to first order, of 1 - spread / count - (first / count)**2 under noise on all three sums.

    The derivatives are -1 / count by spread, -2 mean / count by first, and (1 - variance + mean**2) / count by count.
    """
    return np.asarray(noise / count * np.sqrt(1.0 + 4.0 * mean**2 + (1.0 - variance + mean**2) ** 2))


def nonnegative_counts(counts: np.ndarray, most: float) -> np.ndarray:
    """The nearest counts, by Euclidean distance, that are not negative and add up to the same total.

    Args:
        counts: float64 [cells], noisy.
        most: the total is first brought between 0 and this.
    """
    total = float(np.clip(counts.sum(), 0.0, most))
    if total == 0.0:
        return np.zeros_like(counts)
    ordered = np.sort(counts)[::-1]
    excess = (np.cumsum(ordered) - total) / np.arange(1, len(counts) + 1)
    kept = int(np.flatnonzero(ordered > excess)[-1])
    return np.maximum(counts - excess[kept], 0.0)
