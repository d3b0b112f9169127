"""DCGAN across hospitals: training and sampling in one call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from data.errors import SettingsError
from data.image_federation import ImageFederation
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.synthesis.gan_aggregator import check_gan_aggregator, gan_aggregator, gan_backend
from tff_health.synthesis.hospital_guarantee import HospitalGuarantee
from tff_health.synthesis.images.dcgan_generator import DcganGenerator
from tff_health.synthesis.images.synthesizer import FittedImages, ImageSynthesizer, Probe, Progress
from tff_health.synthesis.images.training_images import TrainingImages
from tff_health.synthesis.synthesizer import latest_of_private

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.aggregators.catalogue import Factory
    from tff_health.runtime.checkpoints import CheckpointStore

_ROWS_A_DRAW = 2  # sent for every image that a round draws, so that drawing with replacement seldom repeats one


@dataclass(frozen=True)
class Dcgan(ImageSynthesizer):
    """Radford et al. 2016 (arXiv 1511.06434), trained across hospitals that pool no image.

    A round draws its batches from a sample of a hospital's images, chosen anew and twice as large as what it draws; the
    hospital weighs by all of its images.

    Attributes:
        updates: of the generator.
        training: networks and what a round is made of.
        aggregator: of the weights; a name of `aggregators.catalogue` or module:function. Those with a secure sum run
            simulated: NOT SECURE.
        aggregator_options: its parameters, by name, but for the number of hospitals.
        weighting: of hospitals, by images or alike.
        averaging: the generator is the exponential moving average of those of about so many last updates, on the
            server (Yazici et al. 2019, arXiv 1806.04498). 0: the last one.
        probes: how often the generator is measured while it trains, for curves and grids.
        guarantee: for hospitals, by clipping and noise in the aggregator, which it then decides; every hospital counts
            alike. Hospitals send nothing else: no losses, and no counts of classes, which the generator draws alike.
            Needs `memory = "fresh"`. None: no guarantee.
    """

    kind: ClassVar[str] = "dcgan"
    fits_apart: ClassVar[bool] = True

    updates: int = 2000
    training: DcganSettings = field(default_factory=DcganSettings)
    aggregator: str = "mean"
    aggregator_options: Mapping[str, float] = field(default_factory=dict)
    weighting: Literal["examples", "uniform"] = "examples"
    averaging: int = 300
    probes: int = 10
    guarantee: HospitalGuarantee | None = None

    def __post_init__(self) -> None:
        if self.updates < 1 or self.probes < 0 or self.averaging < 0:
            raise SettingsError("DCGAN: updates must be 1 or more, averaging and probes 0 or more.")
        if self.guarantee is None:
            check_gan_aggregator("DCGAN", self.aggregator, self.aggregator_options, self.training.memory)
        elif self.aggregator != "mean" or self.aggregator_options:
            raise SettingsError("DCGAN: a guarantee decides about the aggregator; leave aggregator and options out.")
        elif self.training.memory != "fresh":
            raise SettingsError(
                "DCGAN: under a guarantee hospitals send changes of weights alone, without the moments of Adam; set "
                "memory = 'fresh' in its training."
            )

    @property
    def rounds(self) -> int:
        """Communication rounds."""
        return math.ceil(self.updates / self.training.generator_updates)

    def event(self) -> dp_accounting.DpEvent | None:
        """See `ImageSynthesizer`: the noisy mean of every round; whatever the server makes of them costs nothing."""
        return None if self.guarantee is None else self.guarantee.event(self.rounds)

    @property
    def unit(self) -> Literal["patient", "hospital"]:
        """See `ImageSynthesizer`."""
        return "patient" if self.guarantee is None else "hospital"

    def check_size(self, size: int) -> None:
        """See `ImageSynthesizer`."""
        self.training.check_size(size)

    def privacy_words(self) -> dict[str, str]:
        """See `ImageSynthesizer`."""
        if self.guarantee is None:
            return super().privacy_words()
        own, rounds = self.guarantee, f"{self.rounds} round{'s' if self.rounds > 1 else ''}"
        clipped = (
            "clipped to a norm of" if own.mechanism == "gaussian" else "clipped to a noisy median of norms, at first"
        )
        return {
            "mechanism": (
                f"Gaussian noise by the server on the sum of hospitals' updates, each {clipped} {own.clip:g}, in "
                f"{rounds} (noise multiplier {own.noise_multiplier:.3g} each)"
            ),
            "sampling": "every hospital in every round",
        }

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

        Counts of classes, which the generator's classes are drawn by, are summed over hospitals without protection,
        but not under a guarantee.

        Raises:
            DataError: hospitals nothing can be trained on.
            SettingsError: a size of images that the networks do not have, or too few hospitals for the guarantee.
            ReleaseLostError: a damaged checkpoint of a private fit, which may hide a release.
            ExecutedMismatchError: a private round was another one than accounted.
        """
        from tff_health.learning.dcgan.process import build_dcgan_process
        from tff_health.learning.dcgan.realism import realism
        from tff_health.learning.dcgan.task import DcganTask
        from tff_health.learning.gan.rounds import GanRounds
        from tff_health.runtime.context import computing_context

        images = TrainingImages.of(federation) if isinstance(federation, ImageFederation) else federation
        classes, hospitals = images.classes, len(images.rows)
        aggregator: Factory | str
        if self.guarantee is None:
            privacy = None
            aggregator = gan_aggregator(self.aggregator, self.aggregator_options, hospitals)
            counts = images.counts.sum(axis=0)
        else:
            privacy = self.guarantee.hospital_level(hospitals, self.rounds)
            latest_of_private(checkpoints)  # refuses one that is damaged
            aggregator, counts = privacy.build_factory(), np.ones(len(classes), np.int64)

        def generator(weights: Sequence[np.ndarray]) -> DcganGenerator:
            return DcganGenerator(images.size, classes, counts, self.training, weights)

        own = self.training
        with computing_context(backend=gan_backend(self.aggregator), clients=hospitals):
            trained = GanRounds(
                build_dcgan_process(
                    images.size,
                    counts,
                    self.training,
                    aggregator=aggregator,
                    weighting=self.weighting if privacy is None else "uniform",
                    reports=privacy is None,
                    seed=seed,
                ),
                rounds=self.rounds,
                updates=self.training.generator_updates,
                rows=images.rows,
                seed=seed,
                averaging=self.averaging,
                probes=self.probes,
                probe=None if probe is None else lambda weights: probe(generator(weights)),
                progress=progress,
                checkpoints=checkpoints,
                privacy=privacy,
                most_rows=_ROWS_A_DRAW * own.batch_size * own.local_updates,
            ).run()
        judge = realism(DcganTask(images.size, counts, self.training), trained.critic, len(classes))
        return FittedImages(generator(trained.weights), trained.history, trained.facts, judge)
