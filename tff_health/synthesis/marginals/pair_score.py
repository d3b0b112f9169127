"""Which pairs of columns depend on each other beyond the label: one noisy number a pair, and the forest it suggests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.column_estimate import ColumnEstimate
from tff_health.synthesis.marginals.marginal_query import Block


def halves(column: ColumnEstimate) -> np.ndarray:
    """float64 [cells]: -1 and 1 for two parts of near-equal mass, neighbours together where ordered; 0 for missing."""
    counts = column.counts[:-1]
    if column.ordered:
        signs = np.where(column.rank[:-1] > 0, 1.0, -1.0)
    else:
        signs = np.zeros(len(counts))
        for cell in np.argsort(-counts, kind="stable"):  # the fullest first, each to the lighter side
            signs[cell] = 1.0 if (signs * counts).sum() <= 0 else -1.0
    return np.append(signs, 0.0)


def score_blocks(layout: CellLayout, columns: Sequence[ColumnEstimate], share: float) -> list[Block]:
    """One product of `halves` a pair of features, in the order of `itertools.combinations`.

    Args:
        layout: of the cells.
        columns: by feature.
        share: of the squared sensitivity that all of them together have, in units of one column's block.
    """
    pairs = list(combinations(range(len(columns)), 2))
    weight = np.sqrt(share / len(pairs)) if pairs else 0.0
    cells = [np.arange(values + 1) for values in layout.values]
    signs = [halves(column) for column in columns]
    return [
        Block(
            layout.features[a],
            layout.features[b],
            cells[layout.features[a]],
            cells[layout.features[b]],
            weight * np.multiply.outer(signs[a], signs[b])[:, :, np.newaxis],
        )
        for a, b in pairs
    ]


def conditional_covariances(
    columns: Sequence[ColumnEstimate],
    tables: Sequence[np.ndarray],
    label: np.ndarray,
    totals: Sequence[np.ndarray],
    *,
    share: float,
    rows: int,
) -> np.ndarray:
    """Covariance of two columns' halves within the labels: 0 where the label explains what they have in common.

    Args:
        columns: by feature.
        tables: by feature, float64 [2, cells]: P(cell | label).
        label: float64 [2].
        totals: noisy sums of `score_blocks`.
        share: as there.
        rows: all hospitals'.

    Returns:
        float64 [pairs], in the order of `itertools.combinations`.
    """
    pairs = list(combinations(range(len(columns)), 2))
    weight = np.sqrt(share / len(pairs)) if pairs else 0.0
    means = np.array([table @ halves(column) for table, column in zip(tables, columns, strict=True)])
    explained = np.array([(label * means[a] * means[b]).sum() for a, b in pairs])
    return np.array([float(total[0]) for total in totals]) / (weight * rows) - explained


def stands_out(pairs: int) -> float:
    """How many standard deviations make an edge: about the largest that noise alone reaches among so many.

    sqrt(2 log pairs), the universal threshold of Donoho and Johnstone 1994, "Ideal spatial adaptation by wavelet
    shrinkage", and at least 2.
    """
    return float(max(2.0, np.sqrt(2 * np.log(max(pairs, 1)))))


def choose_forest(features: int, scores: np.ndarray, least: float) -> tuple[int, ...]:
    """The maximum spanning forest of the pairs whose score is large enough, each tree hung up at one feature.

    Chow and Liu 1968, "Approximating discrete probability distributions with dependence trees", with the size of a
    covariance in place of the mutual information, which noise would bias upwards.

    Args:
        features: how many.
        scores: float64 [pairs], in the order of `itertools.combinations`.
        least: smallest size of a score that makes an edge.

    Returns:
        by feature, its parent or -1.
    """
    pairs = list(combinations(range(features), 2))
    root = list(range(features))
    neighbours: list[list[int]] = [[] for _ in range(features)]
    for index in np.argsort(-np.abs(scores), kind="stable"):
        a, b = pairs[index]
        if abs(scores[index]) < least:
            break
        if root[a] != root[b]:
            neighbours[a].append(b)
            neighbours[b].append(a)
            root = [root[a] if r == root[b] else r for r in root]
    parents, seen = [-1] * features, set()
    for start in sorted(range(features), key=lambda i: -len(neighbours[i])):
        waiting = [start] if start not in seen else []
        seen.add(start)
        for feature in waiting:
            for child in neighbours[feature]:
                if child not in seen:
                    seen.add(child)
                    parents[child] = feature
                    waiting.append(child)
    return tuple(parents)
