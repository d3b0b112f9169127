"""Choosing hyperparameters, and the best arm, by cross-validation on training rows. Test rows are never seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from tff_health.experiments.aggregator_choice import backend_of
from tff_health.experiments.arms import training_batches
from tff_health.experiments.prepared import PreparedDataset, Rows, concatenated
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.scored import cross_entropy
from tff_health.experiments.settings import Candidate
from tff_health.experiments.workload import federated_arms, is_rival, is_scored
from tff_health.learning.averaging import model_weights
from tff_health.runtime.seeds import integer_seed


@dataclass(frozen=True)
class Fold:
    """One division of the training rows: the same hospitals, fewer rows each."""

    fit: tuple[Rows, ...]
    validation: tuple[Rows, ...]


@dataclass(frozen=True)
class Score:
    """A candidate's cross-validated log loss, lower is better; NaN where it was not needed."""

    arm: str
    candidate: Candidate
    log_loss: float


def divide(dataset: PreparedDataset, folds: int, seed: int) -> list[Fold]:
    """Divides each hospital's training rows into folds, stratified by label where both classes allow it.

    Which patient of a class comes into which fold follows from the numbers of patients of each class alone, so that
    hospitals that keep their labels divide alike. The preprocessing stays the one fitted on all training rows; it sees
    no label.
    """
    positions = []
    for rows in dataset.train:
        labels = np.repeat([0, 1], rows.class_counts)
        state = integer_seed(seed, "folds", rows.hospital)
        if len(rows) < folds:  # too few to hold any out: trains in every fold
            positions.append([(np.arange(len(rows)), np.arange(0))] * folds)
            continue
        kind = StratifiedKFold if min(rows.class_counts) >= folds else KFold
        positions.append(list(kind(folds, shuffle=True, random_state=state).split(np.zeros(len(rows)), labels)))
    return [
        Fold(
            tuple(rows.take_by_class(places[k][0]) for rows, places in zip(dataset.train, positions, strict=True)),
            tuple(rows.take_by_class(places[k][1]) for rows, places in zip(dataset.train, positions, strict=True)),
        )
        for k in range(folds)
    ]


def select(
    dataset: PreparedDataset,
    arms: Mapping[str, Sequence[Candidate]],
    cache: ProcessCache,
    *,
    folds: int,
    seed: int,
    advance: Callable[[], None],
) -> list[Score]:
    """Cross-validates every candidate that has a rival.

    A candidate is trained as it will be trained later (same rounds), on each fold's rows; its log loss is taken over
    all validation rows of all hospitals. For `alone` each hospital's model meets that hospital's rows only.

    Args:
        dataset: prepared hospitals.
        arms: each arm's candidates.
        cache: compiled processes.
        folds: cross-validation folds.
        seed: the experiment's seed.
        advance: called after every call of TFF.

    Returns:
        One score a candidate, in the order of `arms`.
    """
    divided = divide(dataset, folds, seed)
    rivals = federated_arms(list(arms.values()))
    scores = []
    for arm, candidates in arms.items():
        needed = is_scored(candidates, rivals)
        for candidate in candidates:
            loss = np.nan
            if needed and candidate.is_federated:
                with backend_of(candidate):
                    loss = _federated(dataset, divided, candidate, cache, seed, advance)
            elif needed:
                loss = _local(divided, candidate, cache, seed, advance)
            scores.append(Score(arm, candidate, loss))
    return scores


def chosen(scores: Sequence[Score], arm: str) -> Score:
    """The arm's candidate with the lowest log loss; the first one where none was scored."""
    own = [score for score in scores if score.arm == arm]
    rated = [score for score in own if np.isfinite(score.log_loss)]
    return min(rated, key=lambda score: score.log_loss) if rated else own[0]


def best_federated_arm(scores: Sequence[Score]) -> str | None:
    """The rival (`workload.is_rival`) whose chosen candidate has the lowest log loss on training rows."""
    federated = {score.arm: score for score in scores if is_rival(score.candidate)}
    if not federated:
        return None
    return min(federated, key=lambda arm: np.nan_to_num(chosen(scores, arm).log_loss, nan=np.inf))


def _federated(
    dataset: PreparedDataset,
    folds: Sequence[Fold],
    candidate: Candidate,
    cache: ProcessCache,
    seed: int,
    advance: Callable[[], None],
) -> float:
    process = cache.federated(candidate)
    losses, patients = [], []
    for number, fold in enumerate(folds):
        state = cache.initial_state(candidate, 0)
        for k in range(1, candidate.rounds + 1):
            data = [training_batches(rows, candidate, seed, number, k) for rows in fold.fit]
            state = process.next(state, data).state
            advance()
        if sum(map(len, fold.validation)):  # else every hospital is too small to hold a row out
            scored = dataset.score(cache.predictor(candidate), model_weights(state), fold.validation)
            losses.append(scored.loss)
            patients.append(len(scored.labels))
    if not losses:
        return np.nan
    # A diverged candidate loses; it must not win by comparing as NaN.
    return float(np.average(losses, weights=patients)) if np.isfinite(losses).all() else np.inf


def _local(
    folds: Sequence[Fold],
    candidate: Candidate,
    cache: ProcessCache,
    seed: int,
    advance: Callable[[], None],
) -> float:
    tasks: list[tuple[Rows, Rows, int]] = []
    for number, fold in enumerate(folds):
        if candidate.method == "pooled":
            tasks.append((concatenated(fold.fit), concatenated(fold.validation), number))
        else:
            tasks += [(a, b, number) for a, b in zip(fold.fit, fold.validation, strict=True) if len(b)]
    if not tasks:  # every hospital is too small to hold a row out
        return np.nan
    weights: list[Any] = [cache.initial_weights(candidate, 0)] * len(tasks)
    train = cache.local(candidate)
    for k in range(1, candidate.rounds + 1):
        weights = train(weights, [training_batches(rows, candidate, seed, n, k) for rows, _, n in tasks])
        advance()
    return _log_loss([(w, rows) for w, (_, rows, _) in zip(weights, tasks, strict=True)], candidate, cache)


def _log_loss(pairs: Sequence[tuple[Any, Rows]], candidate: Candidate, cache: ProcessCache) -> float:
    predict = cache.predictor(candidate)
    labels = np.concatenate([rows.labels for _, rows in pairs])
    scores = np.concatenate([predict(weights, rows.features) for weights, rows in pairs])
    # A diverged candidate loses; it must not win by comparing as NaN.
    return cross_entropy(labels, scores) if np.isfinite(scores).all() else np.inf
