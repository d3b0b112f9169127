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
from tff_health.synthesis.images.dcgan_generator import DcganGenerator
from tff_health.synthesis.images.synthesizer import FittedImages, ImageSynthesizer, Probe, Progress

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.runtime.checkpoints import CheckpointStore


@dataclass(frozen=True)
class Dcgan(ImageSynthesizer):
    """Radford et al. 2016 (arXiv 1511.06434), trained across hospitals that pool no image.

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
    """

    kind: ClassVar[str] = "dcgan"

    updates: int = 2000
    training: DcganSettings = field(default_factory=DcganSettings)
    aggregator: str = "mean"
    aggregator_options: Mapping[str, float] = field(default_factory=dict)
    weighting: Literal["examples", "uniform"] = "examples"
    averaging: int = 300
    probes: int = 10

    def __post_init__(self) -> None:
        if self.updates < 1 or self.probes < 0 or self.averaging < 0:
            raise SettingsError("DCGAN: updates must be 1 or more, averaging and probes 0 or more.")
        check_gan_aggregator("DCGAN", self.aggregator, self.aggregator_options, self.training.memory)

    @property
    def rounds(self) -> int:
        """Communication rounds."""
        return math.ceil(self.updates / self.training.generator_updates)

    def event(self) -> dp_accounting.DpEvent | None:
        """See `ImageSynthesizer`: no guarantee."""
        return None

    def fit(
        self,
        federation: ImageFederation,
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> FittedImages:
        """See `ImageSynthesizer`. Counts of classes, which the generator's classes are drawn by, are summed over
        hospitals without protection.

        Raises:
            DataError: hospitals nothing can be trained on.
            SettingsError: a size of images that the networks do not have.
        """
        from tff_health.learning.dcgan.labelled_rows import pack
        from tff_health.learning.dcgan.process import build_dcgan_process
        from tff_health.learning.gan.rounds import GanRounds
        from tff_health.runtime.context import execution_context

        members, classes = federation.require_trainable().members, federation.classes
        counts = np.sum([np.bincount(m.train.labels, minlength=len(classes)) for m in members], axis=0)
        packed = [pack(member.train.pixels, member.train.labels, len(classes)) for member in members]

        def generator(weights: Sequence[np.ndarray]) -> DcganGenerator:
            return DcganGenerator(federation.size, classes, counts, self.training, weights)

        with execution_context(backend=gan_backend(self.aggregator)):
            trained = GanRounds(
                build_dcgan_process(
                    federation.size,
                    counts,
                    self.training,
                    aggregator=gan_aggregator(self.aggregator, self.aggregator_options, len(members)),
                    weighting=self.weighting,
                    seed=seed,
                ),
                rounds=self.rounds,
                updates=self.training.generator_updates,
                rows=packed,
                seed=seed,
                averaging=self.averaging,
                probes=self.probes,
                probe=None if probe is None else lambda weights: probe(generator(weights)),
                progress=progress,
                checkpoints=checkpoints,
            ).run()
        return FittedImages(generator(trained.weights), trained.history, trained.facts)
