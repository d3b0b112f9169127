"""CTGAN across hospitals: encoding, training and sampling in one call."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from data.errors import SettingsError, UnknownNameError
from data.schema import Schema
from tff_health.aggregators.catalogue import CATALOGUE, build_aggregator, check_aggregator_name
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.runtime.seeds import generator as numpy_generator
from tff_health.runtime.seeds import tf_seed
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, Synthesizer

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.aggregators.catalogue import Factory
    from tff_health.analytics.table_codec.fitted import FittedCodec
    from tff_health.runtime.checkpoints import CheckpointStore
    from tff_health.synthesis.ctgan_generator import CtganGenerator

_SECONDS_BETWEEN_CHECKPOINTS = 5.0


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
        entry = CATALOGUE.get(self.aggregator)
        if entry is None:
            check_aggregator_name(self.aggregator)
            return
        if entry.private is not None:
            raise SettingsError(
                f"CTGAN: aggregator {self.aggregator!r} adds noise for hospitals, which nothing would account for "
                "here; take another one."
            )
        for name in self.aggregator_options:
            if name not in entry.parameters or name == "hospitals":
                raise UnknownNameError.among(f"parameter of aggregator {self.aggregator}", name, entry.parameters)
        for name in entry.required:
            if name != "hospitals" and name not in self.aggregator_options:
                valid = entry.parameters[name].valid
                raise SettingsError(f"CTGAN: aggregator {self.aggregator!r} lacks {name} ({valid}).")

    @property
    def rounds(self) -> int:
        """Communication rounds."""
        return math.ceil(self.updates / self.training.generator_updates)

    def build_aggregator(self, hospitals: int) -> Factory | str:
        """What the process takes as its aggregator."""
        entry = CATALOGUE.get(self.aggregator)
        if entry is None or not entry.parameters:
            return self.aggregator
        own = {"hospitals": hospitals} if "hospitals" in entry.parameters else {}
        return build_aggregator(self.aggregator, **own, **dict(self.aggregator_options))

    def event(self) -> dp_accounting.DpEvent | None:
        """See `Synthesizer`: no guarantee."""
        return None

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
        """See `Synthesizer`."""
        from tff_health.runtime.context import execution_context

        entry = CATALOGUE.get(self.aggregator)
        with execution_context(backend="test" if entry is not None and entry.secure else "native"):
            return _Fit(self, schema, hospitals, seed, progress, checkpoints, probe).run()


class _Fit:
    """One fit under way."""

    def __init__(
        self,
        settings: Ctgan,
        schema: Schema,
        hospitals: Sequence[np.ndarray],
        seed: int,
        progress: Progress | None,
        checkpoints: CheckpointStore | None,
        probe: Probe | None,
    ) -> None:
        from tff_health.analytics.table_codec.fit import fit_codec
        from tff_health.learning.ctgan.process import build_ctgan_process

        self.settings, self.schema, self.seed = settings, schema, seed
        self.progress, self.checkpoints, self.probe = progress, checkpoints, probe
        self.fitted: FittedCodec = fit_codec(schema, hospitals, max_modes=settings.max_modes)
        codec = self.fitted.codec
        self.encoded = [
            codec.encode(matrix, numpy_generator(seed, "encoding", place)) for place, matrix in enumerate(hospitals)
        ]
        self.process = build_ctgan_process(
            codec.layout,
            self.fitted.counts,
            settings.training,
            aggregator=settings.build_aggregator(len(hospitals)),
            weighting=settings.weighting,
            seed=seed,
        )
        self.history: list[dict[str, float]] = []
        self.average: list[np.ndarray] = []

    def run(self) -> Fitted:
        from tff_health.learning.gan.hospital_data import hospital_data
        from tff_health.learning.gan.process import round_losses

        rounds, each = self.settings.rounds, self.settings.training.generator_updates
        state, done = self._start()
        places = {round((k + 1) * rounds / self.settings.probes) for k in range(self.settings.probes)}
        clock = saved = time.monotonic()
        first = done
        while done < rounds:
            data = [
                hospital_data(rows, tf_seed(self.seed, "round", place, done)) for place, rows in enumerate(self.encoded)
            ]
            output = self.process.next(state, data)
            state, done = output.state, done + 1
            self._average(state)
            point = {"round": float(done), "updates": float(done * each), **round_losses(output.metrics)}
            if self.probe is not None and done in places:
                point |= self.probe(self._generator())
            self.history.append(point)
            if self.checkpoints is not None and (
                done == rounds or time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS
            ):
                self.checkpoints.save(
                    done, {"state": state, "average": list(self.average), "history": json.dumps(self.history)}
                )
                saved = time.monotonic()
            if self.progress is not None:
                self.progress(done, rounds, point)
        facts: dict[str, Any] = {"updates": done * each, "rounds": rounds}
        if done > first:
            facts["seconds_per_round"] = (time.monotonic() - clock) / (done - first)
        facts["bytes_up"] = float(sum(np.asarray(value).nbytes for value in _sent(state)))
        return Fitted(self._generator(), tuple(self.history), facts)

    def _start(self) -> tuple[Any, int]:
        from tff_health.runtime.nested import restore

        state = self.process.initialize()
        saved = self.checkpoints.latest() if self.checkpoints is not None else None
        if saved is None:
            return state, 0
        self.history = json.loads(str(saved.payload["history"]))
        self.average = [np.asarray(value) for value in saved.payload["average"]]
        return restore(state, saved.payload["state"]), saved.step

    def _average(self, state: Any) -> None:
        """Takes one round's generator into the moving average."""
        from tff_health.learning.averaging import model_weights
        from tff_health.learning.gan.process import generator_weights

        own = self.settings
        weights = [np.asarray(value) for value in generator_weights(model_weights(state))]
        kept = math.exp(-own.training.generator_updates / own.averaging) if own.averaging and self.average else 0.0
        before = self.average or weights
        self.average = [
            (kept * old + (1 - kept) * new).astype(new.dtype) for old, new in zip(before, weights, strict=True)
        ]

    def _generator(self) -> CtganGenerator:
        from tff_health.synthesis.ctgan_generator import CtganGenerator

        fitted = self.fitted
        return CtganGenerator(self.schema, fitted.codec, self.settings.training, fitted.counts, self.average)


def _sent(state: Any) -> tuple[Any, ...]:
    """Tensors as large as those that a hospital sends in a round: of weights, statistics and kept moments."""
    from tff_health.learning.averaging import model_weights
    from tff_health.learning.gan.weights import flat, shared_part

    return flat(shared_part(model_weights(state)))
