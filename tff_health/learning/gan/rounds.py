"""The rounds of a GAN's training: resumable, with losses as they come, and the generator averaged over them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_health.aggregators.executed import check_executed
from tff_health.aggregators.hospital_dp import HospitalLevelDp
from tff_health.learning.averaging import model_weights
from tff_health.learning.gan.hospital_rows import HospitalRows, RowsAtHand
from tff_health.learning.gan.process import critic_weights, generator_weights, round_losses
from tff_health.learning.gan.weights import flat, shared_part
from tff_health.runtime.attempts import single_attempt
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.nested import restore
from tff_health.runtime.seeds import generator, tf_seed

_SECONDS_BETWEEN_CHECKPOINTS = 5.0
_CHUNKS = 50  # of private rounds, at most, each marked as begun before it runs

Progress = Callable[[int, int, Mapping[str, float]], None]
Weights = list[np.ndarray]


@dataclass(frozen=True)
class TrainedGenerator:
    """What rounds leave behind.

    Attributes:
        weights: of the generator, averaged.
        critic: weights of the last critic, as `critic_weights` gives them.
        history: by round: `round`, `updates`, losses, and what was probed.
        facts: `updates`, `rounds`, `seconds_per_round` of those made now, `bytes_up` of a hospital and round, and
            `skipped_rounds` where a private training lost some.
    """

    weights: Weights
    critic: Weights
    history: tuple[Mapping[str, float], ...]
    facts: Mapping[str, float]


@dataclass
class GanRounds:
    """Training of a GAN process, round by round.

    Under a guarantee no round runs twice: a checkpoint before every chunk of rounds says which are about to run. Who
    goes on from it cannot know how many of them did, so they count as done, without effect.

    Attributes:
        process: of `learning.gan`.
        rounds: how many.
        updates: of the generator in each.
        rows: each hospital's, as `hospital_data` takes them, or as the hospital makes them.
        seed: of what hospitals draw.
        averaging: the generator is the exponential moving average of those of about so many last updates; 0: the last.
        probes: how often `probe` measures the generator, evenly.
        probe: what is measured of the generator's weights.
        progress: told after every round.
        checkpoints: where to save, and to go on from.
        privacy: what the aggregator must have done in every round.
        most_rows: of a hospital in a round, drawn anew for each; None: all. Sending rows takes longer than training.
    """

    process: tff.learning.templates.LearningProcess
    rounds: int
    updates: int
    rows: Sequence[np.ndarray | HospitalRows]
    seed: int
    averaging: int = 0
    probes: int = 0
    probe: Callable[[Weights], Mapping[str, float]] | None = None
    progress: Progress | None = None
    checkpoints: CheckpointStore | None = None
    privacy: HospitalLevelDp | None = None
    most_rows: int | None = None
    _history: list[dict[str, float]] = field(default_factory=list, init=False)
    _average: Weights = field(default_factory=list, init=False)
    _skipped: int = field(default=0, init=False)
    _begun: int = field(default=0, init=False)
    _saved: float = field(default=0.0, init=False)

    def run(self) -> TrainedGenerator:
        """Makes the rounds that are missing.

        Raises:
            ExecutedMismatchError: a private round was another one than accounted.
            WorkerError: the worker was lost; in a private round at once.
        """
        state, done = self._start()
        places = {round((k + 1) * self.rounds / self.probes) for k in range(self.probes)}
        clock = self._saved = time.monotonic()
        first = done
        untold = []
        while done < self.rounds:
            if self.privacy is not None and done >= self._begun:
                self._begun = min(done + math.ceil(self.rounds / _CHUNKS), self.rounds)
                self._save(state, done)
            output = self._next(state, done)
            state, done = output.state, done + 1
            self._take(state)
            point = {"round": float(done), "updates": float(done * self.updates), **round_losses(output.metrics)}
            if self.probe is not None and done in places:
                point |= self.probe(self._average)
            self._history.append(point)
            untold.append((done, point))
            if self._is_due(done):
                self._save(state, done)
            # Whoever is told may stop the fit: what a private chunk released is saved before.
            if self.progress is not None and (self.privacy is None or self._is_due(done)):
                for place, own in untold:
                    self.progress(place, self.rounds, own)
                untold.clear()
        if not self._average:  # every round was lost
            self._take(state)
        facts: dict[str, float] = {"updates": (done - self._skipped) * self.updates, "rounds": self.rounds}
        if self._skipped:
            facts["skipped_rounds"] = self._skipped
        if done > first:
            facts["seconds_per_round"] = (time.monotonic() - clock) / (done - first)
        facts["bytes_up"] = float(sum(np.asarray(value).nbytes for value in flat(shared_part(model_weights(state)))))
        critic = [np.asarray(value) for value in critic_weights(model_weights(state))]
        return TrainedGenerator(self._average, critic, tuple(self._history), facts)

    def _start(self) -> tuple[Any, int]:
        state = self.process.initialize()
        saved = self.checkpoints.latest() if self.checkpoints is not None else None
        if saved is None:
            return state, 0
        self._history = json.loads(str(saved.payload["history"]))
        self._average = [np.asarray(value) for value in saved.payload["average"]]
        lost = int(saved.payload.get("begun", 0))
        self._skipped = int(saved.payload.get("skipped", 0)) + lost
        return restore(state, saved.payload["state"]), saved.step + lost

    def _next(self, state: Any, done: int) -> Any:
        data = [
            own.data(tf_seed(self.seed, "round", place, done), self._drawn(place, len(own), done))
            for place, own in enumerate(self._hospitals)
        ]
        if self.privacy is None:
            return self.process.next(state, data)
        with single_attempt():  # a second attempt at the round would be a second release
            output = self.process.next(state, data)
        check_executed(self.privacy, output.state.aggregator, done + 1 - self._skipped)
        return output

    @cached_property
    def _hospitals(self) -> list[HospitalRows]:
        return [RowsAtHand(own) if isinstance(own, np.ndarray) else own for own in self.rows]

    def _drawn(self, place: int, rows: int, done: int) -> np.ndarray | None:
        if self.most_rows is None or rows <= self.most_rows:
            return None
        return generator(self.seed, "rows", place, done).choice(rows, self.most_rows, replace=False)

    def _is_due(self, done: int) -> bool:
        if self.privacy is not None:
            return done == self._begun
        return done == self.rounds or time.monotonic() - self._saved > _SECONDS_BETWEEN_CHECKPOINTS

    def _save(self, state: Any, done: int) -> None:
        if self.checkpoints is None:
            return
        payload = {
            "state": state,
            "average": self._average,
            "history": json.dumps(self._history),
            "begun": max(self._begun - done, 0),
            "skipped": self._skipped,
        }
        self.checkpoints.save(done, payload)
        self._saved = time.monotonic()

    def _take(self, state: Any) -> None:
        """Takes one round's generator into the moving average."""
        weights = [np.asarray(value) for value in generator_weights(model_weights(state))]
        kept = math.exp(-self.updates / self.averaging) if self.averaging and self._average else 0.0
        before = self._average or weights
        self._average = [
            (kept * old + (1 - kept) * new).astype(new.dtype) for old, new in zip(before, weights, strict=True)
        ]
