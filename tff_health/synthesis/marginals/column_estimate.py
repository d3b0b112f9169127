"""One column's distribution out of its noisy counts, and the groups of near-equal mass that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.simplex_code import project_to_counts

_BANDWIDTH = 0.5  # of the smoothing kernel, in units of (noise over the mean count of a bin)
_WIDEST = 1.2  # bandwidth in twelfths of the public range
_SEEN = 2.0  # missing cells are believed from so many standard deviations of noise on


@dataclass(frozen=True, eq=False)
class ColumnEstimate:
    """A column as the model sees it.

    Attributes:
        counts: float64 [cells], of all rows: positive but for the missing cell, which may be 0.
        groups: int64 [cells]: cells that are measured as one from here on; missing is the last group.
        rank: float64 [cells] in [-1, 1]: twice the middle rank of a cell among observed values, less 1.
        ordered: whether neighbouring cells are alike, as of a numeric column.
    """

    counts: np.ndarray
    groups: np.ndarray
    rank: np.ndarray
    ordered: bool

    @property
    def group_count(self) -> int:
        """Groups, missing included."""
        return int(self.groups[-1]) + 1

    @property
    def group_mass(self) -> np.ndarray:
        """float64 [groups]: counts of the groups."""
        return np.bincount(self.groups, self.counts, self.group_count)


def estimate_column(
    layout: CellLayout, column: int, counts: np.ndarray, *, stddev: float, groups: int
) -> ColumnEstimate:
    """Post-processes noisy counts; at no cost, as it uses nothing else.

    Negative counts go by projection, bins of a numeric column are smoothed by a Gaussian kernel as wide as the noise
    wants, missing cells count only where they stand out of the noise.

    Args:
        layout: of the cells.
        column: position.
        counts: float64 [cells] as `counts_from_code` gives them, adding up to the number of rows.
        stddev: of the noise on a count, 0 for exact counts.
        groups: the most groups of an ordered column.
    """
    rows = float(counts.sum())
    values, ordered = layout.values[column], layout.edges[column] is not None
    missing = float(counts[-1]) if counts[-1] > _SEEN * stddev else 0.0
    missing = float(np.clip(missing, 0.0, rows - 0.5))
    observed = project_to_counts(counts[:-1] + (counts[-1] - missing) / values, rows - missing)
    if ordered and stddev > 0:
        observed = _smoothed(observed, stddev * values / rows)
    observed = observed + (0.25 if stddev > 0 else 1e-6)
    observed *= (rows - missing) / observed.sum()
    middle = (np.cumsum(observed) - observed / 2) / observed.sum()
    grouped = np.minimum((middle * groups).astype(np.int64), groups - 1) if ordered else np.arange(values)
    grouped = np.unique(grouped, return_inverse=True)[1]
    return ColumnEstimate(
        counts=np.append(observed, missing),
        groups=np.append(grouped, grouped.max() + 1),
        rank=np.append(2 * middle - 1, 0.0),
        ordered=ordered,
    )


def group_rank(column: ColumnEstimate) -> np.ndarray:
    """float64 [groups without missing]: mean rank of a group."""
    counts, groups = column.counts[:-1], column.groups[:-1]
    return np.bincount(groups, counts * column.rank[:-1]) / np.bincount(groups, counts)


def _smoothed(counts: np.ndarray, relative_noise: float) -> np.ndarray:
    """Counts spread over their neighbours; each bin's mass stays within the range."""
    bandwidth = min(_BANDWIDTH * relative_noise, _WIDEST * len(counts) / 12)
    if len(counts) < 5 or bandwidth < 0.3:  # too few bins for a shape, or a kernel narrower than a bin
        return counts
    place = np.arange(len(counts))
    kernel = np.exp(-0.5 * ((place[:, np.newaxis] - place) / bandwidth) ** 2)
    return (kernel / kernel.sum(axis=0)) @ counts
