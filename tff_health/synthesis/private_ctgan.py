"""CTGAN across hospitals with a patient-level guarantee: encoding, training and sampling in one call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np

from data.errors import SettingsError
from data.schema import Schema
from tff_health.learning.ctgan.private_settings import PrivateCtganSettings
from tff_health.learning.patient_dp import NoisePlacement, PatientLevelDp
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, Synthesizer

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.private_settings import PrivateStatistics
    from tff_health.runtime.checkpoints import CheckpointStore


@dataclass(frozen=True)
class PrivateCtgan(Synthesizer):
    """A CTGAN that learns from patients by two kinds of releases alone, both of them noisy sums over hospitals.

    First, once: counts of every column's categories and bins, which encoding, conditions and marginals are made of.
    Then, once a round: the sum of patients' clipped gradients of the critic's loss. The rest is post-processing.

    Unit: a patient, who is one row of one hospital. Adjacency: zero-out. Row counts of hospitals are public.

    Attributes:
        noise_multiplier: of the one Gaussian release that costs as much as the whole fit where every patient is in
            every round; `codec_multiplier` and `critic_multiplier` follow from it. None: no guarantee, no fit.
        placement: `shared`: hospitals add shares of the noise under one secure sum, simulated: NOT SECURE.
            `each-hospital`: every hospital adds all of it.
        training: networks and what a round is made of.
        codec_share: of the budget (as inverse variance of noise) for the encoding, between 0 and 1.
        max_modes: of each numeric column's mixture.
        probes: how often the generator is measured while it trains, for curves.
    """

    kind: ClassVar[str] = "ctgan"

    noise_multiplier: float | None = None
    placement: Literal["shared", "each-hospital"] = "shared"
    training: PrivateCtganSettings = field(default_factory=PrivateCtganSettings)
    codec_share: float = 0.1
    max_modes: int = 10
    probes: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.codec_share < 1:
            raise SettingsError(f"private CTGAN: codec_share must lie between 0 and 1, not {self.codec_share:g}.")
        if self.max_modes < 1 or self.probes < 0:
            raise SettingsError("private CTGAN: max_modes must be 1 or more, probes 0 or more.")
        if self.placement not in get_args(NoisePlacement):
            raise SettingsError(f"private CTGAN: placement must be shared or each-hospital, not {self.placement!r}.")
        if self.noise_multiplier is not None:
            if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier > 0):
                raise SettingsError(
                    f"private CTGAN: noise_multiplier must be above 0 and finite, not {self.noise_multiplier}."
                )
            self.patient_level(2)

    @property
    def rounds(self) -> int:
        """Communication rounds of training."""
        return self.training.rounds

    @property
    def codec_multiplier(self) -> float:
        """Noise multiplier of the release that the encoding is made of."""
        return self._noise / math.sqrt(self.codec_share)

    @property
    def critic_multiplier(self) -> float:
        """Noise multiplier of every round's sum: the critic's share of the budget, spread over the rounds."""
        return self._noise * self.training.sampling_rate * math.sqrt(self.rounds / (1 - self.codec_share))

    @property
    def _noise(self) -> float:
        if self.noise_multiplier is None:
            raise SettingsError(
                "private CTGAN: noise_multiplier is not set, so there is no guarantee; give one (or `privacy` with an "
                'epsilon), or use the synthesizer "ctgan".'
            )
        return self.noise_multiplier

    def statistics(self, hospitals: int) -> PrivateStatistics:
        """The release that the encoding is made of."""
        from tff_health.analytics.private_settings import PrivateStatistics

        return PrivateStatistics(self.codec_multiplier, self.placement, hospitals, self.placement == "shared")

    def patient_level(self, hospitals: int) -> PatientLevelDp:
        """The guarantee of the rounds; the process sets the expected batch, on which no event depends."""
        own = self.training
        return PatientLevelDp(
            clip=own.clip,
            noise_multiplier=self.critic_multiplier,
            hospitals=hospitals,
            sampling_rate=own.sampling_rate,
            clipping=own.clipping,
            noise=self.placement,
            expected_batch=1.0,
        )

    def event(self) -> dp_accounting.DpEvent | None:
        """See `Synthesizer`: the encoding's release, then all rounds."""
        if self.noise_multiplier is None:
            return None
        import dp_accounting

        hospitals = 2  # neither event depends on how many
        return dp_accounting.ComposedDpEvent(
            [self.statistics(hospitals).event(), self.patient_level(hospitals).event(self.rounds)]
        )

    def privacy_words(self) -> dict[str, str]:
        """See `Synthesizer`."""
        own = self.training
        once, each = "", ""
        if self.noise_multiplier is not None:
            once = f" (noise multiplier {self.codec_multiplier:.3g})"
            each = f" (noise multiplier {self.critic_multiplier:.3g} each)"
        rounds = f"{self.rounds} round{'s' if self.rounds > 1 else ''}"
        return {
            "mechanism": (
                f"Gaussian noise on the counts that the encoding is made of, once{once}, and on sums of patients' "
                f"critic gradients, each clipped to a norm of {own.clip:g}, in {rounds}{each}"
            ),
            "sampling": (
                "every patient in the counts and in every round"
                if own.sampling_rate == 1
                else f"every patient in the counts; Poisson, rate {own.sampling_rate:g}, anew in every round"
            ),
        }

    def fit(
        self,
        schema: Schema,
        hospitals: Sequence[np.ndarray],
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> Fitted:
        """See `Synthesizer`.

        Raises:
            SettingsError: no noise multiplier, or shared noise with fewer than two hospitals.
            DataError: no rows.
            ReleaseLostError: a damaged checkpoint, which may hide a release.
            ExecutedDifferentlyError: a hospital ran otherwise than accounted.
        """
        self.patient_level(len(hospitals))  # refuses what no guarantee can be made of, before anything is released
        from tff_health.runtime.context import execution_context
        from tff_health.synthesis.private_ctgan_fit import fit_private_ctgan

        with execution_context(backend="test" if self.placement == "shared" else "native"):
            return fit_private_ctgan(
                self, schema, hospitals, seed=seed, progress=progress, checkpoints=checkpoints, probe=probe
            )
