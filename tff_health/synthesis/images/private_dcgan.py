"""DCGAN across hospitals with a patient-level guarantee: training and sampling in one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from data.errors import SettingsError
from data.image_federation import ImageFederation
from tff_health.learning.dcgan.private_settings import PrivateDcganSettings
from tff_health.synthesis.images.synthesizer import FittedImages, ImageSynthesizer, Probe, Progress
from tff_health.synthesis.images.training_images import TrainingImages
from tff_health.synthesis.private_gan_releases import PrivateGanReleases

if TYPE_CHECKING:
    import dp_accounting

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
            round; `releases` divides it. None: no guarantee, no fit.
        placement: `shared`: hospitals add shares of the noise under one secure sum, simulated: NOT SECURE.
            `each-hospital`: every hospital adds all of it.
        training: networks and what a round is made of.
        counts_share: of the budget (as inverse variance of noise) for the counts, between 0 and 1.
        public_images: simulated chests that features are centred and scaled by; no patient's.
        probes: how often the generator is measured while it trains, for curves and grids.
    """

    kind: ClassVar[str] = "private-dcgan"
    fits_apart: ClassVar[bool] = True

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
            subject="private DCGAN",
            instead="dcgan",
            noise_multiplier=self.noise_multiplier,
            placement=self.placement,
            first_share=self.counts_share,
            rounds=own.rounds,
            clip=own.clip,
            clipping=own.clipping,
            sampling_rate=own.sampling_rate,
        )

    def event(self) -> dp_accounting.DpEvent | None:
        """See `ImageSynthesizer`: the counts, then all rounds."""
        return self.releases.event()

    def check_size(self, size: int) -> None:
        """See `ImageSynthesizer`."""
        self.training.networks().check_size(size)

    def privacy_words(self) -> dict[str, str]:
        """See `ImageSynthesizer`."""
        words = self.releases.words("counts of classes", "image")
        return words | {"mechanism": f"{words['mechanism']}; a patient of several images is protected less"}

    def fit(
        self,
        federation: ImageFederation | TrainingImages,
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> FittedImages:
        """See `ImageSynthesizer`; also of images that hospitals keep, in the context of these.

        Raises:
            SettingsError: no noise multiplier, or shared noise with fewer than two hospitals.
            DataError: no images.
            ReleaseLostError: a damaged checkpoint, which may hide a release.
            ExecutedDifferentlyError: a hospital ran otherwise than accounted.
        """
        # Refuses what no guarantee can be made of, before anything is released.
        images = TrainingImages.of(federation) if isinstance(federation, ImageFederation) else federation
        self.releases.patient_level(len(images.rows))
        from tff_health.runtime.context import computing_context
        from tff_health.synthesis.images.private_dcgan_fit import fit_private_dcgan

        with computing_context(backend="test" if self.placement == "shared" else "native"):
            return fit_private_dcgan(self, images, seed=seed, progress=progress, checkpoints=checkpoints, probe=probe)
