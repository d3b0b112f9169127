"""Where the mixtures start: centres and priors out of federated statistics, the same on every run. NumPy only."""

from __future__ import annotations

import collections
from dataclasses import dataclass

import numpy as np

from data.schema import Column
from tff_health.analytics.histogram import Histogram
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.table_statistics import TableStatistics

_NO_VALUE = (0.5, 1 / 12)  # mean and variance of what is spread evenly over [0, 1]
_LLOYD = 100  # iterations of k-means at most


@dataclass(frozen=True, eq=False)
class MixtureStart:
    """Values scaled to [0, 1] by the public bounds; arrays are float64.

    Attributes:
        centres: [numeric, modes]; a value starts in the component of the nearest, the first of equals.
        mean: [numeric], the prior of the components' means.
        variance: [numeric], the prior of the components' variances, above 0.
    """

    centres: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def prior(self) -> collections.OrderedDict[str, np.ndarray]:
        """The priors as the computations take them."""
        return collections.OrderedDict(mean=self.mean, variance=self.variance)


def start_from_statistics(statistics: TableStatistics, settings: MixtureSettings) -> MixtureStart:
    """Centres by k-means on the federated histogram, priors by the federated moments.

    scikit-learn starts from k-means on the rows; here a bin's values stand at its middle, which needs no further
    round of the hospitals. k-means itself starts at the histogram's quantiles.

    Args:
        statistics: with moments and histograms.
        settings: number of modes; the regularisation is the least prior variance, for a constant column.

    Raises:
        ValueError: moments or histograms were not computed.
    """
    centres, means, variances = [], [], []
    for index, column in enumerate(statistics.schema.columns):
        if column.bounds is None:
            continue
        statistics.require_moments(column.name)
        low, high = column.bounds
        mean = (statistics.mean[index] - low) / (high - low)
        variance = statistics.sample_variance[index] / (high - low) ** 2
        means.append(_NO_VALUE[0] if np.isnan(mean) else mean)
        if np.isnan(variance):
            variance = _NO_VALUE[1] if np.isnan(mean) else 0.0
        variances.append(max(variance, settings.regularisation))
        centres.append(scaled_centres(column, statistics.histogram(column.name), settings.max_modes))
    return MixtureStart(np.array(centres), np.array(means), np.array(variances))


def scaled_centres(column: Column, histogram: Histogram, modes: int) -> np.ndarray:
    """`histogram_centres` scaled by the column's public bounds: float64 [modes] in [0, 1]."""
    assert column.bounds is not None
    low, high = column.bounds
    return np.clip((histogram_centres(histogram, modes) - low) / (high - low), 0.0, 1.0)


def histogram_centres(histogram: Histogram, modes: int) -> np.ndarray:
    """Centres of k-means clusters of a histogram's counts, ascending; equal ones where there are too few values.

    Returns:
        float64 [modes] in the histogram's unit.
    """
    counts = np.maximum(histogram.counts, 0.0)
    middles = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    kept = counts > 0
    if not kept.any():
        return np.full(modes, (histogram.edges[0] + histogram.edges[-1]) / 2)
    counts, middles = counts[kept], middles[kept]
    ranks = (np.arange(modes) + 0.5) / modes * counts.sum()
    centres = middles[np.minimum(np.searchsorted(np.cumsum(counts), ranks), len(counts) - 1)]
    for _ in range(_LLOYD):
        nearest = np.argmin(np.abs(middles[:, np.newaxis] - centres), axis=1)
        mass = np.bincount(nearest, counts, modes)
        total = np.bincount(nearest, counts * middles, modes)
        moved = np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), centres)
        if np.allclose(moved, centres, rtol=0.0, atol=1e-9 * (histogram.edges[-1] - histogram.edges[0])):
            break
        centres = moved
    return np.sort(centres)
