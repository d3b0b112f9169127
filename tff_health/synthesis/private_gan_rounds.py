"""The rounds of a private GAN under way: releases are made once, whatever happens in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.learning.dp_sgd import check_executed
from tff_health.learning.gan.hospital_rows import HospitalRows
from tff_health.learning.gan.process import critic_weights, generator_weights
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.attempts import single_attempt
from tff_health.runtime.nested import restore
from tff_health.runtime.seeds import tf_seed
from tff_health.synthesis.synthesizer import ReleaseLostError, latest_of_private

if TYPE_CHECKING:
    from tff_health.runtime.checkpoints import Checkpoint, CheckpointStore

_CHUNKS = 50  # of rounds, at most, each marked as begun before it runs


@dataclass(frozen=True)
class TrainedPrivately:
    """What the rounds leave behind.

    Attributes:
        weights: of the generator, as `generator_weights` gives them.
        critic: of the last critic, as `critic_weights` gives them.
        history: by round: `round`, `updates`, what the task measures, what was probed.
        facts: plain numbers worth reporting.
    """

    weights: Sequence[np.ndarray]
    critic: Sequence[np.ndarray]
    history: tuple[Mapping[str, float], ...]
    facts: Mapping[str, Any]


def released_once(
    checkpoints: CheckpointStore | None, name: str, release: Callable[[], str], subject: str
) -> tuple[str, Checkpoint | None]:
    """What is released before the rounds, made where no checkpoint has it.

    Args:
        checkpoints: where to save it, and that it was begun; None for nowhere.
        name: its own in checkpoints.
        release: makes it, as text.
        subject: of messages, such as "private CTGAN".

    Returns:
        The text, and the checkpoint that the rounds go on from.

    Raises:
        ReleaseLostError: a checkpoint is damaged, or the release was begun and its result is lost.
    """
    saved = latest_of_private(checkpoints)
    if saved is not None:
        if name not in saved.payload:
            raise ReleaseLostError(
                f"{subject}: the fit was stopped during its first release, whose budget is spent, and the guarantee "
                "holds no second one; remove the checkpoints to start a new fit, and account for both."
            )
        return str(saved.payload[name]), saved if "state" in saved.payload else None
    if checkpoints is not None:
        checkpoints.save(0, {"begun": 1})
    with single_attempt():  # a second attempt would draw new noise: a second release under the entry of one
        text = release()
    if checkpoints is not None:
        checkpoints.save(0, {name: text})
    return text, None


class PrivateGanRounds:
    """Rounds and checkpoints, in TFF's current execution context.

    A checkpoint before every chunk of rounds says which rounds are about to run. Who goes on from it cannot know how
    many of them did, so they count as done, without effect: what was released in them is lost, never repeated.

    Args:
        process: of `build_private_gan_process`.
        privacy: its guarantee, which what ran is held to.
        rows: each hospital's.
        rounds: how many.
        turns: updates of the generator in each.
        seed: of public randomness.
        subject: of messages, such as "private CTGAN".
        released: what was released before the rounds, as text by name; kept with every checkpoint.
        probes: how often the generator is measured, evenly.
        probe: what is measured of its weights; None for nothing.
        progress: told after every round.
        checkpoints: where to save; None for nowhere.
        saved: the checkpoint to go on from.
    """

    def __init__(
        self,
        process: tff.learning.templates.LearningProcess,
        privacy: PatientLevelDp,
        rows: Sequence[HospitalRows],
        *,
        rounds: int,
        turns: int,
        seed: int,
        subject: str,
        released: Mapping[str, str],
        probes: int = 0,
        probe: Callable[[Sequence[np.ndarray]], Mapping[str, float]] | None = None,
        progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
        checkpoints: CheckpointStore | None = None,
        saved: Checkpoint | None = None,
    ) -> None:
        self._process, self._privacy, self._rows = process, privacy, rows
        self._rounds, self._turns, self._seed, self._subject = rounds, turns, seed, subject
        self._released = dict(released)
        self._probed = {round((k + 1) * rounds / probes) for k in range(probes)} if probe else set()
        self._probe, self._progress, self._checkpoints = probe, progress, checkpoints
        self._history: list[dict[str, float]] = []
        self._state = process.initialize()
        self._done = self._skipped = 0
        if saved is not None:
            self._state = restore(self._state, saved.payload["state"])
            self._history = json.loads(str(saved.payload["history"]))
            begun = int(saved.payload["begun"])
            self._skipped = int(saved.payload["skipped"]) + begun
            self._done = saved.step + begun

    def run(self) -> TrainedPrivately:
        """All rounds that are left.

        Raises:
            ExecutedDifferentlyError: a hospital ran otherwise than accounted.
            SettingsError: the training ran away.
        """
        chunk = -(-self._rounds // _CHUNKS)
        ran, clock = 0, time.monotonic()
        self._save(begun=0)
        while self._done < self._rounds:
            begun = min(chunk, self._rounds - self._done)
            self._save(begun=begun)
            points = []
            for _ in range(begun):
                measured = self._round()
                ran += 1
                point = {"round": float(self._done), "updates": float(self._done * self._turns), **measured}
                if self._probe is not None and self._done in self._probed:
                    point |= self._probe(self._weights())
                self._history.append(point)
                points.append((self._done, point))
            self._save(begun=0)
            if self._progress is not None:
                for done, point in points:
                    self._progress(done, self._rounds, point)
        facts: dict[str, Any] = {"updates": (self._rounds - self._skipped) * self._turns, "rounds": self._rounds}
        if self._skipped:
            facts["skipped_rounds"] = self._skipped
        if ran:
            facts["seconds_per_round"] = (time.monotonic() - clock) / ran
        model = self._process.get_model_weights(self._state)
        facts["bytes_up"] = float(sum(np.asarray(part).nbytes for part in model.trainable["critic"]))
        critic = [np.asarray(values) for values in critic_weights(model)]
        return TrainedPrivately(self._weights(), critic, tuple(self._history), facts)

    def _round(self) -> dict[str, float]:
        data = [
            rows.data(tf_seed(self._seed, "round", place, self._done), None) for place, rows in enumerate(self._rows)
        ]
        with single_attempt():
            output = self._process.next(self._state, data)
        check_executed(self._privacy, output.metrics["client_work"])
        measured = {name: float(value) for name, value in dict(output.metrics["finalizer"]).items()}
        if not all(np.isfinite(value) for value in measured.values()):
            raise SettingsError(
                f"{self._subject}: the losses ran away in round {self._done + 1}; lower critic_learning_rate or "
                "generator_updates, above all where the critic has hidden layers. What was released stays spent."
            )
        self._state, self._done = output.state, self._done + 1
        return measured

    def _save(self, *, begun: int) -> None:
        if self._checkpoints is None:
            return
        payload = {
            **self._released,
            "state": self._state,
            "history": json.dumps(self._history),
            "begun": begun,
            "skipped": self._skipped,
        }
        self._checkpoints.save(self._done, payload)

    def _weights(self) -> list[np.ndarray]:
        return [np.asarray(values) for values in generator_weights(self._process.get_model_weights(self._state))]
