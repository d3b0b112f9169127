"""Where the rows of a split are: loaded here, or held by hospitals that are apart. What a run does is the same."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from tff_health.experiments.synthesis.fitting import Matrices, Part
from tff_health.privacy.trust import SecureAggregation
from tff_health.synthesis.synthesizer import Probe

if TYPE_CHECKING:
    import pandas as pd

    from data.federation import Federation
    from tff_health.experiments.apart.federation import HeldFederation
    from tff_health.hospitals.costs import Costs


class Split(Protocol):
    """One division into training and held-out patients, ready to be fitted and measured on."""

    @property
    def federation(self) -> Federation | HeldFederation:
        """What is public about the hospitals, and more where rows are at hand."""

    @property
    def matrices(self) -> Matrices:
        """Training rows by hospital."""

    @property
    def digest(self) -> str:
        """Of the training rows, or of what is known of them: a resumed run must see the same."""

    def measure_real(self) -> dict[str, Any]:
        """What is measured of real rows, as `measuring.measure_real` has it."""

    def measure_synthetic(self, table: pd.DataFrame, part: Part, *, augments: bool) -> dict[str, Any]:
        """What is measured of synthetic rows, as `measuring.measure_synthetic` has it.

        Args:
            table: synthetic rows.
            part: whose rows their generator was fitted on.
            augments: whether they are set beside real rows for classifiers.
        """

    def probe(self, part: Part) -> Probe | None:
        """What is measured of a generator while it trains."""


class SplitSource(Protocol):
    """A dataset that is divided once or several times."""

    @property
    def hiding(self) -> SecureAggregation:
        """Whether secure sums are simulated, or masked by hospitals that are apart."""

    def context(self) -> AbstractContextManager[Any]:
        """The TFF context in which everything of a split is computed."""

    def split(self, number: int) -> Split:
        """One of them, from 0."""

    def costs(self) -> Costs | None:
        """What hospitals that are apart have cost so far; None where nobody is."""
