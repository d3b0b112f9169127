"""CTGAN across hospitals with a patient-level guarantee: encoding, training and sampling in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from data.errors import SettingsError
from data.schema import Schema
from tff_health.learning.ctgan.private_settings import PrivateCtganSettings
from tff_health.synthesis.private_gan_releases import PrivateGanReleases
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, Synthesizer

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.statistics import Matrix
    from tff_health.runtime.checkpoints import CheckpointStore


@dataclass(frozen=True)
class PrivateCtgan(Synthesizer):
    """A CTGAN that learns from patients by two kinds of releases alone, both of them noisy sums over hospitals.

    First, once: counts of every column's categories and bins, which encoding, conditions and marginals are made of.
    Then, once a round: the sum of patients' clipped gradients of the critic's loss. The rest is post-processing.

    Unit: a patient, who is one row of one hospital. Adjacency: zero-out. Row counts of hospitals are public.

    Attributes:
        noise_multiplier: of the one Gaussian release that costs as much as the whole fit where every patient is in
            every round; `releases` divides it. None: no guarantee, no fit.
        placement: `shared`: hospitals add shares of the noise under one secure sum, simulated: NOT SECURE.
            `each-hospital`: every hospital adds all of it.
        training: networks and what a round is made of.
        codec_share: of the budget (as inverse variance of noise) for the encoding, between 0 and 1.
        max_modes: of each numeric column's mixture.
        probes: how often the generator is measured while it trains, for curves.
    """

    kind: ClassVar[str] = "ctgan"
    fits_apart: ClassVar[bool] = True

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
        _ = self.releases  # checks what the guarantee is made of

    @property
    def rounds(self) -> int:
        """Communication rounds of training."""
        return self.training.rounds

    @property
    def releases(self) -> PrivateGanReleases:
        """What is released, and what it costs."""
        own = self.training
        return PrivateGanReleases(
            subject="private CTGAN",
            instead="ctgan",
            noise_multiplier=self.noise_multiplier,
            placement=self.placement,
            first_share=self.codec_share,
            rounds=own.rounds,
            clip=own.clip,
            clipping=own.clipping,
            sampling_rate=own.sampling_rate,
        )

    def event(self) -> dp_accounting.DpEvent | None:
        """See `Synthesizer`: the encoding's release, then all rounds."""
        return self.releases.event()

    def privacy_words(self) -> dict[str, str]:
        """See `Synthesizer`."""
        return self.releases.words("counts that the encoding is made of", "patient")

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
        """See `Synthesizer`.

        Raises:
            SettingsError: no noise multiplier, or shared noise with fewer than two hospitals.
            DataError: no rows.
            ReleaseLostError: a damaged checkpoint, which may hide a release.
            ExecutedDifferentlyError: a hospital ran otherwise than accounted.
        """
        self.releases.patient_level(
            len(hospitals)
        )  # refuses what no guarantee can be made of, before anything is released
        from tff_health.runtime.context import computing_context
        from tff_health.synthesis.private_ctgan_fit import fit_private_ctgan

        with computing_context(backend="test" if self.placement == "shared" else "native"):
            return fit_private_ctgan(
                self, schema, hospitals, seed=seed, progress=progress, checkpoints=checkpoints, probe=probe
            )
