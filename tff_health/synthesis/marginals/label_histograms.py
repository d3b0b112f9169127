"""Histograms of every column by label: the baseline that one sum buys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tff_health.synthesis.marginals.generator import MarginalGenerator
from tff_health.synthesis.marginals.label_tree import independent_features
from tff_health.synthesis.marginals.settings import MarginalSynthesizer

if TYPE_CHECKING:
    from tff_health.synthesis.marginals.rounds import Rounds

_LEAST = 0.25  # rows that an empty cell counts as under noise


class LabelHistogramsGenerator(MarginalGenerator):
    """Columns drawn independently given the label."""

    kind = "label-histograms"


@dataclass(frozen=True)
class LabelHistograms(MarginalSynthesizer):
    """One release of every column's counts by label; attributes as in `MarginalSynthesizer`.

    Nothing is done to the noisy counts but what makes them a distribution: the nearest non-negative ones that add up to
    the public number of rows.
    """

    kind: ClassVar[str] = "label-histograms"
    rounds: ClassVar[tuple[str, ...]] = ("histograms by label",)
    noisy_bins: ClassVar[int] = 8

    def _fit(self, rounds: Rounds) -> tuple[MarginalGenerator, Mapping[str, Any]]:
        from tff_health.synthesis.marginals.marginal_query import Block
        from tff_health.synthesis.marginals.simplex_code import project_to_counts

        layout = rounds.layout
        blocks = []
        for i in layout.features:
            cells = layout.values[i] + 1
            code = np.concatenate([np.eye(2 * cells), np.zeros((cells, 2 * cells))]).reshape(3, cells, 2 * cells)
            groups = np.arange(cells)
            blocks.append(Block(i, layout.target, groups, np.arange(3), code.transpose(1, 0, 2)))
        totals, stddev = rounds.release(blocks)
        least = _LEAST if stddev else 0.0
        tables = []
        for i, total in zip(layout.features, totals, strict=True):
            counts = project_to_counts(total, rounds.rows).reshape(2, -1)
            counts[:, : layout.values[i]] += least
            tables.append(counts)
        label = np.sum([table.sum(axis=1) for table in tables], axis=0)
        chances = [_chances(table, layout.values[i]) for table, i in zip(tables, layout.features, strict=True)]
        model = independent_features(label / label.sum(), layout.features, chances)
        return LabelHistogramsGenerator(layout.schema, layout, model), {}


def _chances(counts: np.ndarray, values: int) -> np.ndarray:
    """Rows of counts that add up to 1; where a label was never seen, the same chance for every value."""
    empty = counts.sum(axis=1) <= 0
    counts[empty, :values] = 1.0
    return counts / counts.sum(axis=1, keepdims=True)
