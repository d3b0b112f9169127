"""What all synthesizers from marginals have in common: noise, who adds it, the rounds that share it. No TensorFlow."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from data.errors import DataError, SettingsError
from data.schema import Schema
from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.generator import MarginalGenerator
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, Synthesizer

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.statistics import Matrix
    from tff_health.runtime.checkpoints import CheckpointStore
    from tff_health.synthesis.marginals.rounds import Rounds

Placement = Literal["shared", "each-hospital"]

_EXACT_BINS = 64

_TRUST = {
    "shared": "added by the hospitals in shares under a secure sum",
    "each-hospital": "added in full by each hospital",
}


@dataclass(frozen=True)
class MarginalSynthesizer(Synthesizer):
    """Settings shared by all synthesizers from marginals.

    Unit of the guarantee: a patient, who is one row of one hospital. Adjacency: zero-out, the patient's contribution to
    every sum replaced by zeros; the number of hospitals, each hospital's number of rows and the schema are public.

    Attributes:
        noise_multiplier: standard deviation of the noise over the L2 sensitivity, were all released in one sum; the
            rounds divide it among themselves, and together cost what one such sum costs. None: no noise, no guarantee.
        placement: who adds the noise. `shared`: the hospitals in shares, under a secure sum that TFF only simulates
            (NOT SECURE); `each-hospital`: each hospital all of it. Without noise the sums are plain ones.
        bins: the most equal bins of a numeric column over its public bounds. Default: 64 without noise, `noisy_bins`
            with it.
        rounds: names of the releases, in order; one per class.
        noisy_bins: one per class.
    """

    noise_multiplier: float | None = None
    placement: Placement = "shared"
    bins: int | None = None

    fits_apart: ClassVar[bool] = True
    rounds: ClassVar[tuple[str, ...]]
    noisy_bins: ClassVar[int] = 16

    def __post_init__(self) -> None:
        noise = self.noise_multiplier
        if noise is not None and not (math.isfinite(noise) and noise > 0):
            raise SettingsError(
                f"{self.kind}: noise_multiplier must be above 0 and finite, not {noise}; leave it out for no guarantee."
            )
        if self.placement not in get_args(Placement):
            raise SettingsError(
                f"{self.kind}: placement must be one of {', '.join(get_args(Placement))}, not {self.placement!r}."
            )
        if self.bins is not None and not 2 <= self.bins <= 1000:
            raise SettingsError(f"{self.kind}: bins must lie between 2 and 1000, not {self.bins}.")

    @property
    def shares(self) -> tuple[float, ...]:
        """By release, its share of the budget: of 1 / noise_multiplier**2."""
        return (1.0,)

    def round_noise(self, index: int) -> float | None:
        """Noise multiplier of one release, None without a guarantee."""
        return None if self.noise_multiplier is None else self.noise_multiplier / math.sqrt(self.shares[index])

    def event(self) -> dp_accounting.DpEvent | None:
        """All releases of `fit`, one Gaussian mechanism each.

        Later ones are chosen by what earlier ones showed, which composition permits (Dong, Roth and Su 2022,
        arXiv 1905.02383, Corollary 3.3): together they cost what one with `noise_multiplier` costs.
        """
        import dp_accounting

        releases = [noise for noise in map(self.round_noise, range(len(self.rounds))) if noise is not None]
        if not releases:
            return None
        return dp_accounting.ComposedDpEvent([dp_accounting.GaussianDpEvent(noise) for noise in releases])

    def privacy_words(self) -> dict[str, str]:
        """How `fit` protects patients, in words; each release with its own noise multiplier."""
        count = len(self.rounds)
        sums = "one sum" if count == 1 else f"{count} sums"
        releases = [
            name if (noise := self.round_noise(index)) is None else f"{name}, once, noise multiplier {noise:.3g}"
            for index, name in enumerate(self.rounds)
        ]
        return {
            "mechanism": (
                f"Gaussian noise on {sums} of coded table cells ({', then '.join(releases)}), {_TRUST[self.placement]}"
            ),
            "sampling": f"every patient in {'it' if count == 1 else 'each of them'}",
        }

    def fit(
        self,
        schema: Schema,
        hospitals: Sequence[Matrix],
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> Fitted:
        """See `Synthesizer.fit`; draws nothing from `seed`, as nothing but the noise is random.

        Releases are saved as they are made, so that a fit that goes on makes none twice.
        """
        from tff_health.analytics.statistics import checked_clients
        from tff_health.runtime.context import computing_context
        from tff_health.synthesis.marginals.rounds import Rounds

        matrices = checked_clients(schema, hospitals)
        target = schema.names.index(schema.target)
        at_hand = [matrix for matrix in matrices if isinstance(matrix, np.ndarray)]
        if any(np.isnan(matrix[:, target]).any() for matrix in at_hand):
            raise DataError(f"column {schema.target!r}: a row without the target cannot be fitted on; drop it.")
        bins = self.bins or (_EXACT_BINS if self.noise_multiplier is None else self.noisy_bins)
        rounds = Rounds(self, CellLayout(schema, bins), matrices, progress, checkpoints)
        secure = self.noise_multiplier is not None and self.placement == "shared"
        with computing_context("test" if secure else "native"):
            generator, facts = self._fit(rounds)
        return Fitted(generator, facts={"rounds": len(self.rounds), "updates": 0} | dict(facts))

    @abstractmethod
    def _fit(self, rounds: Rounds) -> tuple[MarginalGenerator, Mapping[str, Any]]:
        """Asks for its sums and makes the generator; facts worth reporting."""
