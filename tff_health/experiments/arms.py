"""One arm of an experiment as a sequence of steps that can stop after any of them and go on later.

A step is one call of TFF. After step `k` an arm holds all scores up to there, so a checkpoint of it is all that a
resumed run needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from tff_health.experiments.aggregator_choice import is_secure
from tff_health.experiments.prepared import PreparedDataset, Rows
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.settings import Candidate
from tff_health.learning.averaging import model_weights
from tff_health.privacy.trust import SecureAggregation
from tff_health.runtime.nested import restore
from tff_health.runtime.seeds import stream


class ArmRun(ABC):
    """An arm under way.

    Attributes:
        parts: names of the models that the arm trains: one empty name, or hospitals' names.
        step: steps done; 0 before training.
        total_steps: steps in all.
        scores: float64 [parts, repeats, rounds + 1, held-out patients], NaN where not reached.
        train_loss: float64 [parts, repeats, rounds + 1], cross-entropy on the part's training rows.
        weights: final weights, [parts][repeats], None where not reached.
    """

    def __init__(
        self,
        dataset: PreparedDataset,
        candidate: Candidate,
        cache: ProcessCache,
        *,
        repeats: int,
        seed: int,
    ) -> None:
        self.dataset, self.candidate, self.cache = dataset, candidate, cache
        self.rounds, self.repeats, self.seed = candidate.rounds, repeats, seed
        self.parts = self._part_names()
        self.step = 0
        patients = len(dataset.test_labels)
        self.scores = np.full((len(self.parts), repeats, self.rounds + 1, patients), np.nan)
        self.train_loss = np.full((len(self.parts), repeats, self.rounds + 1), np.nan)
        self.weights: list[list[Any]] = [[None] * repeats for _ in self.parts]

    @property
    @abstractmethod
    def total_steps(self) -> int: ...  # noqa: D102 (an attribute of the class)

    @abstractmethod
    def advance(self) -> None:
        """Does one step."""

    @abstractmethod
    def rows_of_step(self, step: int) -> list[tuple[int, int, int]]:
        """The (part, repeat, round) whose scores step `step` brought, in the order of rounds.csv."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.total_steps

    @property
    def secure_sums(self) -> SecureAggregation:
        """How the server gets the sums of hospitals' updates."""
        if not is_secure(self.candidate):
            return "none"
        return "masked" if self.dataset.is_masked else "simulated"

    def payload(self) -> dict[str, Any]:
        """The arm's state in plain containers, for a checkpoint."""
        return {
            "step": self.step,
            "scores": self.scores,
            "train_loss": self.train_loss,
            "weights": [[plain_weights(weights) for weights in part] for part in self.weights],
        }

    def restore(self, payload: dict[str, Any]) -> None:
        """Takes up a checkpointed state."""
        self.step = int(payload["step"])
        self.scores, self.train_loss = payload["scores"], payload["train_loss"]
        self.weights = [[restored_weights(plain) for plain in part] for part in payload["weights"]]

    def _part_names(self) -> tuple[str, ...]:
        return ("",)

    def train_rows(self, part: int) -> tuple[Rows, ...]:
        """What a part trains on, by hospital."""
        return self.dataset.train

    def epsilon_after(self, repeat: int, round_number: int) -> float | None:
        """What a repeat had spent on a unit of its guarantee after a round; None where there is no guarantee."""
        return None

    def _record(self, part: int, repeat: int, round_number: int, weights: Any) -> None:
        predict = self.cache.predictor(self.candidate)
        self.scores[part, repeat, round_number] = self.dataset.score(predict, weights, self.dataset.test).scores
        self.train_loss[part, repeat, round_number] = self._train_loss(part, weights)
        if round_number == self.rounds:
            self.weights[part][repeat] = weights

    def _train_loss(self, part: int, weights: Any) -> float:
        return self.dataset.score(self.cache.predictor(self.candidate), weights, self.train_rows(part)).loss

    def _batches(self, rows: Rows, repeat: int, round_number: int) -> Any:
        return training_batches(rows, self.candidate, self.seed, repeat, round_number)


class FederatedArm(ArmRun):
    """FedAvg and its relatives: repeats one after another, one round a step."""

    _state: Any = None

    @property
    def total_steps(self) -> int:  # noqa: D102
        return self.repeats * self.rounds

    def advance(self) -> None:  # noqa: D102
        repeat, done = divmod(self.step, self.rounds)
        process = self.cache.federated(self.candidate)
        if done == 0:
            self._state = self.cache.initial_state(self.candidate, repeat)
            self._record(0, repeat, 0, self.cache.initial_weights(self.candidate, repeat))
        data = [self._batches(rows, repeat, done + 1) for rows in self.dataset.train]
        self._state = self._round(process, data)
        self._record(0, repeat, done + 1, model_weights(self._state))
        self.step += 1

    def _round(self, process: Any, data: list[Any]) -> Any:
        """One communication round: the process' next state."""
        return process.next(self._state, data).state

    def rows_of_step(self, step: int) -> list[tuple[int, int, int]]:  # noqa: D102
        repeat, done = divmod(step - 1, self.rounds)
        return ([(0, repeat, 0)] if done == 0 else []) + [(0, repeat, done + 1)]

    def payload(self) -> dict[str, Any]:  # noqa: D102
        return {**super().payload(), "state": self._state}

    def restore(self, payload: dict[str, Any]) -> None:  # noqa: D102
        super().restore(payload)
        if not self.finished:
            template = self.cache.initial_state(self.candidate, 0)
            self._state = restore(template, payload["state"])


def training_batches(rows: Rows, candidate: Candidate, seed: int, repeat: int, round_number: int) -> Any:
    """A hospital's batches for one round, in an order that depends on nothing but these names.

    Under patient-level privacy they are all rows at once: the client work draws its own samples, from entropy that no
    experiment's seed knows.
    """
    if candidate.privacy is not None and candidate.privacy.level == "patient":
        return rows.batches(batch_size=max(len(rows), 1), order=None)
    return rows.batches(
        batch_size=candidate.batch_size,
        epochs=candidate.local_epochs,
        order=stream(seed, "order", rows.hospital, repeat, round_number),
    )


def plain_weights(weights: Any) -> Any:
    """`ModelWeights` in plain containers, for a checkpoint."""
    if weights is None:
        return None
    return [[np.asarray(v) for v in weights.trainable], [np.asarray(v) for v in weights.non_trainable]]


def restored_weights(plain: Any) -> Any:
    """`ModelWeights` from what `plain_weights` gave."""
    import tensorflow_federated as tff

    if plain is None:
        return None
    return tff.learning.models.ModelWeights(tuple(plain[0]), tuple(plain[1]))
