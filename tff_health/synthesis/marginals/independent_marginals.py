"""Every column by itself: the floor that any generator must beat."""

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


class IndependentMarginalsGenerator(MarginalGenerator):
    """Columns drawn independently of each other and of the label."""

    kind = "independent-marginals"


@dataclass(frozen=True)
class IndependentMarginals(MarginalSynthesizer):
    """One release of every column's marginal, the target's too; attributes as in `MarginalSynthesizer`."""

    kind: ClassVar[str] = "independent-marginals"
    rounds: ClassVar[tuple[str, ...]] = ("marginals",)

    def _fit(self, rounds: Rounds) -> tuple[MarginalGenerator, Mapping[str, Any]]:
        from tff_health.synthesis.marginals.label_balance import balance_block, estimate_balance

        layout = rounds.layout
        columns, extra, stddev = rounds.columns(groups=1, extra=(balance_block(layout),))
        balance = estimate_balance(extra[0], rounds.rows, stddev)
        model = independent_features(
            np.array([1 - balance, 1 + balance]) / 2,
            layout.features,
            [np.tile(column.counts / column.counts.sum(), (2, 1)) for column in columns],
        )
        return IndependentMarginalsGenerator(layout.schema, layout, model), {}
