"""CTGAN across hospitals: encoding, training and sampling in one call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from data.errors import SettingsError
from data.schema import Schema
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.synthesis.gan_aggregator import check_gan_aggregator, gan_aggregator, gan_backend
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, Synthesizer

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.aggregators.catalogue import Factory
    from tff_health.analytics.statistics import Matrix
    from tff_health.runtime.checkpoints import CheckpointStore


@dataclass(frozen=True)
class Ctgan(Synthesizer):
    """Xu et al. 2019 (arXiv 1907.00503), trained across hospitals that pool no row.

    Attributes:
        updates: of the generator; small tables need as many as large ones, so they are counted and not epochs.
        training: networks and what a round is made of.
        max_modes: of each numeric column's mixture.
        aggregator: of the weights; a name of `aggregators.catalogue` or module:function. Those with a secure sum run
            simulated: NOT SECURE.
        aggregator_options: its parameters, by name, but for the number of hospitals.
        weighting: of hospitals, by rows or alike.
        averaging: the generator is the exponential moving average of those of about so many last updates, on the
            server (Yazici et al. 2019, arXiv 1806.04498): it steadies what otherwise depends on the last few steps. 0:
            the last one.
        probes: how often the generator is measured while it trains, for curves.
    """

    kind: ClassVar[str] = "ctgan"
    fits_apart: ClassVar[bool] = True

    updates: int = 2000
    training: CtganSettings = field(default_factory=CtganSettings)
    max_modes: int = 10
    aggregator: str = "mean"
    aggregator_options: Mapping[str, float] = field(default_factory=dict)
    weighting: Literal["examples", "uniform"] = "examples"
    averaging: int = 300
    probes: int = 10

    def __post_init__(self) -> None:
        if self.updates < 1 or self.max_modes < 1 or self.probes < 0 or self.averaging < 0:
            raise SettingsError("CTGAN: updates and max_modes must be 1 or more, averaging and probes 0 or more.")
        check_gan_aggregator("CTGAN", self.aggregator, self.aggregator_options, self.training.memory)

    @property
    def rounds(self) -> int:
        """Communication rounds."""
        return math.ceil(self.updates / self.training.generator_updates)

    def build_aggregator(self, hospitals: int) -> Factory | str:
        """What the process takes as its aggregator."""
        return gan_aggregator(self.aggregator, self.aggregator_options, hospitals)

    def event(self) -> dp_accounting.DpEvent | None:
        """See `Synthesizer`: no guarantee."""
        return None

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
        """See `Synthesizer`."""
        from tff_health.aggregators.fixed_point_sum import fixed_point_sum
        from tff_health.analytics.table_codec.fit import fit_codec
        from tff_health.learning.ctgan.process import build_ctgan_process
        from tff_health.learning.gan.rounds import GanRounds
        from tff_health.runtime.at_hospital import are_apart
        from tff_health.runtime.context import computing_context
        from tff_health.synthesis.ctgan_generator import CtganGenerator
        from tff_health.synthesis.encoded_rows import encoded_rows

        with computing_context(backend=gan_backend(self.aggregator)):
            # What hospitals that are apart send of their tables is masked; where secure sums are simulated, so is this.
            secure = are_apart(hospitals) or gan_backend(self.aggregator) == "test"
            sums = fixed_point_sum(len(hospitals)) if secure else None
            fitted = fit_codec(schema, hospitals, max_modes=self.max_modes, sum_factory=sums)
            encoded = encoded_rows(fitted.codec, hospitals, seed)

            def generator(weights: Sequence[np.ndarray]) -> CtganGenerator:
                return CtganGenerator(schema, fitted.codec, self.training, fitted.counts, weights)

            trained = GanRounds(
                build_ctgan_process(
                    fitted.codec.layout,
                    fitted.counts,
                    self.training,
                    aggregator=self.build_aggregator(len(hospitals)),
                    weighting=self.weighting,
                    seed=seed,
                ),
                rounds=self.rounds,
                updates=self.training.generator_updates,
                rows=encoded,
                seed=seed,
                averaging=self.averaging,
                probes=self.probes,
                probe=None if probe is None else lambda weights: probe(generator(weights)),
                progress=progress,
                checkpoints=checkpoints,
            ).run()
        return Fitted(generator(trained.weights), trained.history, trained.facts)
