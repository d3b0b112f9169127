"""A tree of noisy two-way marginals beneath the label, chosen and measured within the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from data.errors import SettingsError
from tff_health.synthesis.marginals.generator import MarginalGenerator
from tff_health.synthesis.marginals.label_tree import LabelTree
from tff_health.synthesis.marginals.settings import MarginalSynthesizer

if TYPE_CHECKING:
    from tff_health.synthesis.marginals.rounds import Rounds


class MarginalTreeGenerator(MarginalGenerator):
    """Columns drawn down the tree, given the label and their parent."""

    kind = "marginal-tree"


@dataclass(frozen=True)
class MarginalTree(MarginalSynthesizer):
    """A label-rooted tree of noisy marginals: measured, chosen, measured, sampled.

    Of the family of PrivBayes (Zhang et al. 2017, doi 10.1145/3134428) and MST (McKenna, Miklau and Sheldon 2021,
    arXiv 2108.04978), with all choices made by Gaussian sums, so that each round is one sum:

    1. every column's marginal;
    2. how each column differs between the labels, and one number for every pair of columns: how often their halves go
       together. Pairs that do so more than the label explains, beyond doubt of noise and sampling, form a maximum
       spanning forest;
    3. the two-way marginals of its edges.

    Attributes:
        groups: the most groups of a numeric column in the second and third round.
        marginal_share: share of the budget that the first round gets.
        score_share: that the scores of pairs get.
        edge_share: that the two-way marginals get. The rest is the label effects'.
    """

    kind: ClassVar[str] = "marginal-tree"
    rounds: ClassVar[tuple[str, ...]] = ("marginals", "label effects and pair scores", "marginals of the edges")

    groups: int = 3
    marginal_share: float = 0.25
    score_share: float = 0.15
    edge_share: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.groups <= 100:
            raise SettingsError(f"{self.kind}: groups must lie between 2 and 100, not {self.groups}.")
        shares = (self.marginal_share, self.score_share, self.edge_share)
        if min(shares) <= 0 or sum(shares) >= 1:
            raise SettingsError(
                f"{self.kind}: marginal_share, score_share and edge_share must be above 0 and leave some of the budget "
                f"to the label effects, but are {', '.join(f'{share:g}' for share in shares)}."
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the three rounds."""
        return (self.marginal_share, 1 - self.marginal_share - self.edge_share, self.edge_share)

    def _fit(self, rounds: Rounds) -> tuple[MarginalGenerator, Mapping[str, Any]]:
        from tff_health.synthesis.marginals import label_balance, label_effect, pair_estimate, pair_score

        layout = rounds.layout
        features, count = layout.features, len(layout.features)
        columns, _, _ = rounds.columns(self.groups)
        effects = [label_effect.effect_block(layout, i, column) for i, column in zip(features, columns, strict=True)]
        # Both parts stand in one sum: their weights, not their noise, divide the round's budget.
        label_share = self.shares[1] - self.score_share
        share = self.score_share / label_share * count
        scores = pair_score.score_blocks(layout, columns, share)
        totals, stddev = rounds.release([*effects, label_balance.balance_block(layout), *scores])
        balance = label_balance.estimate_balance(totals[count], rounds.rows, stddev)
        label = np.array([1 - balance, 1 + balance]) / 2
        tables = [
            label_effect.split_by_label(
                column, label_effect.estimate_label_effect(column, total, balance=balance, stddev=stddev)
            )
            for column, total in zip(columns, totals[:count], strict=True)
        ]
        covariances = pair_score.conditional_covariances(
            columns, tables, label, totals[count + 1 :], share=share, rows=rounds.rows
        )
        doubt = math.sqrt((stddev / (math.sqrt(share / max(len(scores), 1)) * rounds.rows)) ** 2 + 1 / rounds.rows)
        parents = pair_score.choose_forest(count, covariances, pair_score.stands_out(len(scores)) * doubt)
        edges = [(parent, child) for child, parent in enumerate(parents) if parent >= 0]
        chances = [table[:, np.newaxis, :] for table in tables]
        if edges:
            blocks = [
                pair_estimate.pair_block(layout, features[a], features[b], columns[a], columns[b]) for a, b in edges
            ]
            totals, stddev = rounds.release(blocks)
            for (a, b), total in zip(edges, totals, strict=True):
                chances[b] = pair_estimate.estimate_pair(
                    columns[a], columns[b], (tables[a], tables[b]), label, total, rows=rounds.rows, stddev=stddev
                )
        model = LabelTree(label, features, parents, tuple(chances))
        return MarginalTreeGenerator(layout.schema, layout, model), {"edges": len(edges)}
