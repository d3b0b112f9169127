"""Every column's marginal, and how it leans to either label: two noisy sums, read by Bayes' rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from data.errors import SettingsError
from tff_health.synthesis.marginals.generator import MarginalGenerator
from tff_health.synthesis.marginals.label_tree import independent_features
from tff_health.synthesis.marginals.settings import MarginalSynthesizer

if TYPE_CHECKING:
    from tff_health.synthesis.marginals.rounds import Rounds


class LabelEffectsGenerator(MarginalGenerator):
    """Columns drawn independently given the label."""

    kind = "label-effects"


@dataclass(frozen=True)
class LabelEffects(MarginalSynthesizer):
    """What `LabelHistograms` knows, at a fraction of the noise.

    A histogram for each label spends most of its noise where nothing is to be learnt. Here the first release holds
    the columns' marginals, of which a coarse shape suffices; the second the difference between the labels, of coarse
    groups of cells that the first round found equally full, each row with the whole weight. What is measured is then
    shrunk by its known noise: see `simplex_code` and `estimate_label_effect`.

    Attributes:
        groups: the most groups of a numeric column whose difference between the labels is measured.
        marginal_share: share of the budget that the marginals get.
    """

    kind: ClassVar[str] = "label-effects"
    rounds: ClassVar[tuple[str, ...]] = ("marginals", "label effects")

    groups: int = 3
    marginal_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.groups <= 100:
            raise SettingsError(f"{self.kind}: groups must lie between 2 and 100, not {self.groups}.")
        if not 0 < self.marginal_share < 1:
            raise SettingsError(f"{self.kind}: marginal_share must lie between 0 and 1, not {self.marginal_share}.")

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the marginals and of the effects."""
        return (self.marginal_share, 1 - self.marginal_share)

    def _fit(self, rounds: Rounds) -> tuple[MarginalGenerator, Mapping[str, Any]]:
        from tff_health.synthesis.marginals.label_balance import balance_block, estimate_balance
        from tff_health.synthesis.marginals.label_effect import effect_block, estimate_label_effect, split_by_label

        layout = rounds.layout
        columns, _, _ = rounds.columns(self.groups)
        blocks = [effect_block(layout, i, column) for i, column in zip(layout.features, columns, strict=True)]
        (*totals, of_label), stddev = rounds.release([*blocks, balance_block(layout)])
        balance = estimate_balance(of_label, rounds.rows, stddev)
        tables = [
            split_by_label(column, estimate_label_effect(column, total, balance=balance, stddev=stddev))
            for column, total in zip(columns, totals, strict=True)
        ]
        model = independent_features(np.array([1 - balance, 1 + balance]) / 2, layout.features, tables)
        return LabelEffectsGenerator(layout.schema, layout, model), {}
