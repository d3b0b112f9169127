"""How much work a run is, counted in calls of TFF, for the progress bar. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence

from tff_health.experiments.settings import FEDERATED_METHODS, Candidate, ExperimentSettings

PREPARING = 15
REPORTING = 40
"""What preparing a dataset and making the report weigh, in calls of TFF."""


def dataset_work(settings: ExperimentSettings, name: str) -> int:
    """Everything `run_dataset` will count as work."""
    arms = settings.datasets[name].arms
    steps = sum(arm_steps(settings, settings.candidates(name, arm)[0]) for arm in arms)
    return PREPARING + selection_calls(settings, name) + steps


def arm_steps(settings: ExperimentSettings, candidate: Candidate) -> int:
    """Steps of one arm."""
    if candidate.method in FEDERATED_METHODS:
        return settings.rounds * settings.repeats
    return 1 if candidate.method == "logistic-regression" else settings.rounds


def selection_calls(settings: ExperimentSettings, name: str) -> int:
    """Calls of TFF that choosing among a dataset's candidates takes."""
    arms = {arm: settings.candidates(name, arm) for arm in settings.datasets[name].arms}
    rivals = federated_arms(list(arms.values()))
    calls = 0
    for candidates in arms.values():
        if is_scored(candidates, rivals):
            runs = settings.folds if candidates[0].method in FEDERATED_METHODS else 1
            calls += len(candidates) * runs * settings.rounds
    return calls


def federated_arms(arms: Sequence[Sequence[Candidate]]) -> int:
    """How many arms are federated."""
    return sum(candidates[0].method in FEDERATED_METHODS for candidates in arms)


def is_scored(candidates: Sequence[Candidate], federated: int) -> bool:
    """Whether an arm needs cross-validation: to choose among candidates, or to be compared with other arms."""
    if candidates[0].method in ("paper-listing", "logistic-regression"):
        return False
    return len(candidates) > 1 or (candidates[0].method in FEDERATED_METHODS and federated > 1)
