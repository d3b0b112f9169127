"""The rounds of a GAN's training: resumable, with losses as they come, and the generator averaged over them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_health.learning.averaging import model_weights
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.process import generator_weights, round_losses
from tff_health.learning.gan.weights import flat, shared_part
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.nested import restore
from tff_health.runtime.seeds import tf_seed

_SECONDS_BETWEEN_CHECKPOINTS = 5.0

Progress = Callable[[int, int, Mapping[str, float]], None]
Weights = list[np.ndarray]


@dataclass(frozen=True)
class TrainedGenerator:
    """What rounds leave behind.

    Attributes:
        weights: of the generator, averaged.
        history: by round: `round`, `updates`, losses, and what was probed.
        facts: `updates`, `rounds`, `seconds_per_round` of those made now, `bytes_up` of a hospital and round.
    """

    weights: Weights
    history: tuple[Mapping[str, float], ...]
    facts: Mapping[str, float]


@dataclass
class GanRounds:
    """Training of a GAN process, round by round.

    Attributes:
        process: of `learning.gan`.
        rounds: how many.
        updates: of the generator in each.
        rows: each hospital's, as `hospital_data` takes them.
        seed: of what hospitals draw.
        averaging: the generator is the exponential moving average of those of about so many last updates; 0: the last.
        probes: how often `probe` measures the generator, evenly.
        probe: what is measured of the generator's weights.
        progress: told after every round.
        checkpoints: where to save, and to go on from.
    """

    process: tff.learning.templates.LearningProcess
    rounds: int
    updates: int
    rows: Sequence[np.ndarray]
    seed: int
    averaging: int = 0
    probes: int = 0
    probe: Callable[[Weights], Mapping[str, float]] | None = None
    progress: Progress | None = None
    checkpoints: CheckpointStore | None = None
    _history: list[dict[str, float]] = field(default_factory=list, init=False)
    _average: Weights = field(default_factory=list, init=False)

    def run(self) -> TrainedGenerator:
        """Makes the rounds that are missing."""
        state, done = self._start()
        places = {round((k + 1) * self.rounds / self.probes) for k in range(self.probes)}
        clock = saved = time.monotonic()
        first = done
        while done < self.rounds:
            data = [hospital_data(own, tf_seed(self.seed, "round", place, done)) for place, own in enumerate(self.rows)]
            output = self.process.next(state, data)
            state, done = output.state, done + 1
            self._take(state)
            point = {"round": float(done), "updates": float(done * self.updates), **round_losses(output.metrics)}
            if self.probe is not None and done in places:
                point |= self.probe(self._average)
            self._history.append(point)
            if self.checkpoints is not None and (
                done == self.rounds or time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS
            ):
                self.checkpoints.save(
                    done, {"state": state, "average": self._average, "history": json.dumps(self._history)}
                )
                saved = time.monotonic()
            if self.progress is not None:
                self.progress(done, self.rounds, point)
        facts: dict[str, float] = {"updates": done * self.updates, "rounds": self.rounds}
        if done > first:
            facts["seconds_per_round"] = (time.monotonic() - clock) / (done - first)
        facts["bytes_up"] = float(sum(np.asarray(value).nbytes for value in flat(shared_part(model_weights(state)))))
        return TrainedGenerator(self._average, tuple(self._history), facts)

    def _start(self) -> tuple[Any, int]:
        state = self.process.initialize()
        saved = self.checkpoints.latest() if self.checkpoints is not None else None
        if saved is None:
            return state, 0
        self._history = json.loads(str(saved.payload["history"]))
        self._average = [np.asarray(value) for value in saved.payload["average"]]
        return restore(state, saved.payload["state"]), saved.step

    def _take(self, state: Any) -> None:
        """Takes one round's generator into the moving average."""
        weights = [np.asarray(value) for value in generator_weights(model_weights(state))]
        kept = math.exp(-self.updates / self.averaging) if self.averaging and self._average else 0.0
        before = self._average or weights
        self._average = [
            (kept * old + (1 - kept) * new).astype(new.dtype) for old, new in zip(before, weights, strict=True)
        ]
