"""DCGAN across hospitals with a patient-level guarantee: training and sampling in one call."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from data.errors import SettingsError
from data.image_federation import ImageFederation
from tff_health.learning.dcgan.private_settings import PrivateDcganSettings
from tff_health.learning.patient_dp import NoisePlacement, PatientLevelDp
from tff_health.synthesis.images.synthesizer import FittedImages, ImageSynthesizer, Probe, Progress

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.private_settings import PrivateStatistics
    from tff_health.runtime.checkpoints import CheckpointStore


@dataclass(frozen=True)
class PrivateDcgan(ImageSynthesizer):
    """A DCGAN that learns from patients by two kinds of releases alone, both of them noisy sums over hospitals.

    First, once: how many images of each class there are. Then, once a round: the sum of images' clipped gradients of
    the critic's loss. The rest is post-processing.

    Unit: an image, which is a patient only where every patient has one. Adjacency: zero-out. Image counts of hospitals
    are public.

    Attributes:
        noise_multiplier: of the one Gaussian release that costs as much as the whole fit where every image is in every
            round; `counts_multiplier` and `critic_multiplier` follow from it. None: no guarantee, no fit.
        placement: `shared`: hospitals add shares of the noise under one secure sum, simulated: NOT SECURE.
            `each-hospital`: every hospital adds all of it.
        training: networks and what a round is made of.
        counts_share: of the budget (as inverse variance of noise) for the counts, between 0 and 1.
        public_images: simulated chests that features are centred and scaled by; no patient's.
        probes: how often the generator is measured while it trains, for curves and grids.
    """

    kind: ClassVar[str] = "private-dcgan"

    noise_multiplier: float | None = None
    placement: Literal["shared", "each-hospital"] = "shared"
    training: PrivateDcganSettings = field(default_factory=PrivateDcganSettings)
    counts_share: float = 0.01
    public_images: int = 2000
    probes: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.counts_share < 1:
            raise SettingsError(f"private DCGAN: counts_share must lie between 0 and 1, not {self.counts_share:g}.")
        if self.public_images < 2 or self.probes < 0:
            raise SettingsError("private DCGAN: public_images must be 2 or more, probes 0 or more.")
        if self.placement not in get_args(NoisePlacement):
            raise SettingsError(f"private DCGAN: placement must be shared or each-hospital, not {self.placement!r}.")
        if self.noise_multiplier is not None:
            if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier > 0):
                raise SettingsError(
                    f"private DCGAN: noise_multiplier must be above 0 and finite, not {self.noise_multiplier}."
                )
            self.patient_level(2)

    @property
    def rounds(self) -> int:
        """Communication rounds of training."""
        return self.training.rounds

    @property
    def counts_multiplier(self) -> float:
        """Noise multiplier of the counts of classes."""
        return self._noise / math.sqrt(self.counts_share)

    @property
    def critic_multiplier(self) -> float:
        """Noise multiplier of every round's sum: the critic's share of the budget, spread over the rounds."""
        return self._noise * self.training.sampling_rate * math.sqrt(self.rounds / (1 - self.counts_share))

    @property
    def _noise(self) -> float:
        if self.noise_multiplier is None:
            raise SettingsError(
                "private DCGAN: noise_multiplier is not set, so there is no guarantee; give one (or `privacy` with an "
                'epsilon), or use the synthesizer "dcgan".'
            )
        return self.noise_multiplier

    def statistics(self, hospitals: int) -> PrivateStatistics:
        """The release of the counts."""
        from tff_health.analytics.private_settings import PrivateStatistics

        return PrivateStatistics(self.counts_multiplier, self.placement, hospitals, self.placement == "shared")

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
        """See `ImageSynthesizer`: the counts, then all rounds."""
        if self.noise_multiplier is None:
            return None
        import dp_accounting

        hospitals = 2  # neither event depends on how many
        return dp_accounting.ComposedDpEvent(
            [self.statistics(hospitals).event(), self.patient_level(hospitals).event(self.rounds)]
        )

    def privacy_words(self) -> dict[str, str]:
        """See `ImageSynthesizer`."""
        own = self.training
        once, each = "", ""
        if self.noise_multiplier is not None:
            once = f" (noise multiplier {self.counts_multiplier:.3g})"
            each = f" (noise multiplier {self.critic_multiplier:.3g} each)"
        rounds = f"{self.rounds} round{'s' if self.rounds > 1 else ''}"
        how = "layer by layer " if own.clipping == "per-layer" else ""
        return {
            "mechanism": (
                f"Gaussian noise on the counts of classes, once{once}, and on sums of images' critic gradients, each "
                f"clipped {how}to a norm of {own.clip:g}, in {rounds}{each}; a patient of several images is protected "
                "less"
            ),
            "sampling": (
                "every image in the counts and in every round"
                if own.sampling_rate == 1
                else f"every image in the counts; Poisson, rate {own.sampling_rate:g}, anew in every round"
            ),
        }

    def fit(
        self,
        federation: ImageFederation,
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> FittedImages:
        """See `ImageSynthesizer`.

        Raises:
            SettingsError: no noise multiplier, or shared noise with fewer than two hospitals.
            DataError: no images.
            ReleaseLostError: a damaged checkpoint, which may hide a release.
            ExecutedDifferentlyError: a hospital ran otherwise than accounted.
        """
        # Refuses what no guarantee can be made of, before anything is released.
        self.patient_level(len(federation.require_trainable().members))
        from tff_health.runtime.context import execution_context
        from tff_health.synthesis.images.private_dcgan_fit import fit_private_dcgan

        with execution_context(backend="test" if self.placement == "shared" else "native"):
            return fit_private_dcgan(
                self, federation, seed=seed, progress=progress, checkpoints=checkpoints, probe=probe
            )
