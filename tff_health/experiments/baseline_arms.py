"""Arms that stand beside the federated ones: local and pooled training, the paper's listing, a convex optimum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tff_health.experiments.arms import ArmRun, plain_weights, restored_weights
from tff_health.experiments.prepared import Rows
from tff_health.experiments.scored import cross_entropy
from tff_health.learning.paper_listing import FreshWeights, uniform_mean
from tff_health.runtime.seeds import stream


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
        return {**super().payload(), "current": [[plain_weights(w) for w in part] for part in self._current]}

    def restore(self, payload: dict[str, Any]) -> None:  # noqa: D102
        super().restore(payload)
        self._current = [[restored_weights(plain) for plain in part] for part in payload["current"]]

    def _part_names(self) -> tuple[str, ...]:
        return self._names

    def train_rows(self, part: int) -> tuple[Rows, ...]:  # noqa: D102
        return (self._rows[part],)


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
