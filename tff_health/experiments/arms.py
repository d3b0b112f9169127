"""One arm of an experiment as a sequence of steps that can stop after any of them and go on later.

A step is one call of TFF. After step `k` an arm holds all scores up to there, so a checkpoint of it is all that a
resumed run needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from tff_health.experiments.prepared import PreparedDataset, Rows, concatenated
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.settings import Candidate
from tff_health.learning.paper_listing import FreshWeights, uniform_mean
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.nested import restore
from tff_health.runtime.seeds import stream

_LOSS_CLIP = 1e-7  # Keras' own


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
        rounds: int,
        repeats: int,
        seed: int,
    ) -> None:
        self.dataset, self.candidate, self.cache = dataset, candidate, cache
        self.rounds, self.repeats, self.seed = rounds, repeats, seed
        self.parts = self._part_names()
        self.step = 0
        patients = len(dataset.all_test)
        self.scores = np.full((len(self.parts), repeats, rounds + 1, patients), np.nan)
        self.train_loss = np.full((len(self.parts), repeats, rounds + 1), np.nan)
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

    def payload(self) -> dict[str, Any]:
        """The arm's state in plain containers, for a checkpoint."""
        return {
            "step": self.step,
            "scores": self.scores,
            "train_loss": self.train_loss,
            "weights": [[_plain(weights) for weights in part] for part in self.weights],
        }

    def restore(self, payload: dict[str, Any]) -> None:
        """Takes up a checkpointed state."""
        self.step = int(payload["step"])
        self.scores, self.train_loss = payload["scores"], payload["train_loss"]
        self.weights = [[_weights(plain) for plain in part] for part in payload["weights"]]

    def _part_names(self) -> tuple[str, ...]:
        return ("",)

    def train_rows(self, part: int) -> Rows:
        """What a part trains on."""
        return self.dataset.all_train

    def _record(self, part: int, repeat: int, round_number: int, weights: Any) -> None:
        predict = self.cache.predictor(self.candidate)
        self.scores[part, repeat, round_number] = predict(weights, self.dataset.all_test.features)
        rows = self.train_rows(part)
        self.train_loss[part, repeat, round_number] = cross_entropy(rows.labels, predict(weights, rows.features))
        if round_number == self.rounds:
            self.weights[part][repeat] = weights

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
        self._state = process.next(self._state, data).state
        self._record(0, repeat, done + 1, self._state.global_model_weights)
        self.step += 1

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


class LocalArm(ArmRun):
    """Models that never meet: all parts and repeats side by side, one round a step.

    Args:
        rows: what each part trains on, by the part's name.
    """

    def __init__(self, rows: Sequence[Rows], names: Sequence[str], *arguments: Any, **keywords: Any) -> None:
        self._rows, self._names = tuple(rows), tuple(names)
        super().__init__(*arguments, **keywords)
        self._current = [
            [self.cache.initial_weights(self.candidate, r) for r in range(self.repeats)] for _ in self.parts
        ]

    @property
    def total_steps(self) -> int:  # noqa: D102
        return self.rounds

    def advance(self) -> None:  # noqa: D102
        models = [(part, repeat) for part in range(len(self.parts)) for repeat in range(self.repeats)]
        if self.step == 0:
            for part, repeat in models:
                self._record(part, repeat, 0, self._current[part][repeat])
        data = [self._batches(self._rows[part], repeat, self.step + 1) for part, repeat in models]
        trained = self.cache.local(self.candidate)([self._current[p][r] for p, r in models], data)
        for (part, repeat), weights in zip(models, trained, strict=True):
            self._current[part][repeat] = weights
            self._record(part, repeat, self.step + 1, weights)
        self.step += 1

    def rows_of_step(self, step: int) -> list[tuple[int, int, int]]:  # noqa: D102
        rounds = [0, 1] if step == 1 else [step]
        return [(p, r, k) for p in range(len(self.parts)) for r in range(self.repeats) for k in rounds]

    def payload(self) -> dict[str, Any]:  # noqa: D102
        return {**super().payload(), "current": [[_plain(w) for w in part] for part in self._current]}

    def restore(self, payload: dict[str, Any]) -> None:  # noqa: D102
        super().restore(payload)
        self._current = [[_weights(plain) for plain in part] for part in payload["current"]]

    def _part_names(self) -> tuple[str, ...]:
        return self._names

    def train_rows(self, part: int) -> Rows:  # noqa: D102
        return self._rows[part]


class PaperListingArm(ArmRun):
    """The paper's listing, both faults included (see `learning.paper_listing`); one round a step.

    Attributes:
        listing_scores: float64 [repeats, rounds + 1, rows]: scores of the first hospital's own *training* rows, which
            is what the listing reports.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._fresh = FreshWeights(self.cache.model_function(self.candidate), self.dataset.feature_shape)
        self.listing_scores = np.full((self.repeats, self.rounds + 1, len(self.dataset.train[0])), np.nan)

    @property
    def total_steps(self) -> int:  # noqa: D102
        return self.rounds

    def advance(self) -> None:  # noqa: D102
        if self.step == 0:
            for repeat in range(self.repeats):
                self._record(0, repeat, 0, self.cache.initial_weights(self.candidate, repeat))
        clients = self.dataset.train
        models = [(repeat, rows) for repeat in range(self.repeats) for rows in clients]
        fresh = [
            self._fresh.draw(stream(self.seed, "paper listing", rows.hospital, repeat, self.step + 1))
            for repeat, rows in models
        ]
        data = [self._batches(rows, repeat, self.step + 1) for repeat, rows in models]
        trained = self.cache.local(self.candidate)(fresh, data)
        for repeat in range(self.repeats):
            of_repeat = trained[repeat * len(clients) : (repeat + 1) * len(clients)]
            self._record(0, repeat, self.step + 1, uniform_mean(of_repeat))
        self.step += 1

    def rows_of_step(self, step: int) -> list[tuple[int, int, int]]:  # noqa: D102
        rounds = [0, 1] if step == 1 else [step]
        return [(0, r, k) for r in range(self.repeats) for k in rounds]

    def payload(self) -> dict[str, Any]:  # noqa: D102
        return {**super().payload(), "listing_scores": self.listing_scores}

    def restore(self, payload: dict[str, Any]) -> None:  # noqa: D102
        super().restore(payload)
        self.listing_scores = payload["listing_scores"]

    def _record(self, part: int, repeat: int, round_number: int, weights: Any) -> None:
        super()._record(part, repeat, round_number, weights)
        predict = self.cache.predictor(self.candidate)
        self.listing_scores[repeat, round_number] = predict(weights, self.dataset.train[0].features)


class LogisticRegressionArm(ArmRun):
    """scikit-learn's logistic regression (C = 1) on pooled training rows, run to convergence; one step."""

    @property
    def total_steps(self) -> int:  # noqa: D102
        return 1

    def advance(self) -> None:  # noqa: D102
        from sklearn.linear_model import LogisticRegression

        rows = self.dataset.all_train
        model = LogisticRegression(max_iter=10_000).fit(rows.features, rows.labels[:, 0])
        self.scores[:, :, -1] = model.predict_proba(self.dataset.all_test.features)[:, 1]
        self.train_loss[:, :, -1] = cross_entropy(rows.labels, model.predict_proba(rows.features)[:, 1])
        self.step = 1

    def rows_of_step(self, step: int) -> list[tuple[int, int, int]]:  # noqa: D102
        return [(0, repeat, self.rounds) for repeat in range(self.repeats)]


def build_arm(
    dataset: PreparedDataset, candidate: Candidate, cache: ProcessCache, *, rounds: int, repeats: int, seed: int
) -> ArmRun:
    """The arm for a candidate's method."""
    common = {"rounds": rounds, "repeats": repeats, "seed": seed}
    if candidate.method == "alone":
        names = [rows.hospital for rows in dataset.train]
        return LocalArm(dataset.train, names, dataset, candidate, cache, **common)
    if candidate.method == "pooled":
        return LocalArm([concatenated(dataset.train)], [""], dataset, candidate, cache, **common)
    if candidate.method == "paper-listing":
        return PaperListingArm(dataset, candidate, cache, **common)
    if candidate.method == "logistic-regression":
        return LogisticRegressionArm(dataset, candidate, cache, **common)
    return FederatedArm(dataset, candidate, cache, **common)


def training_batches(rows: Rows, candidate: Candidate, seed: int, repeat: int, round_number: int) -> Any:
    """A hospital's batches for one round, in an order that depends on nothing but these names."""
    return client_dataset(
        rows.features,
        rows.labels,
        batch_size=candidate.batch_size,
        epochs=candidate.local_epochs,
        order=stream(seed, "order", rows.hospital, repeat, round_number),
    )


def cross_entropy(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean binary cross-entropy of scores [n] against labels [n] or [n, 1]."""
    truth = labels.reshape(-1)
    clipped = np.clip(scores, _LOSS_CLIP, 1 - _LOSS_CLIP)
    return float(-np.mean(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped)))


def _plain(weights: Any) -> Any:
    if weights is None:
        return None
    return [[np.asarray(v) for v in weights.trainable], [np.asarray(v) for v in weights.non_trainable]]


def _weights(plain: Any) -> Any:
    import tensorflow_federated as tff

    if plain is None:
        return None
    return tff.learning.models.ModelWeights(tuple(plain[0]), tuple(plain[1]))
