"""How much work a run is, counted in calls of TFF, for the progress bar. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence

from tff_health.experiments.settings import Candidate, ExperimentSettings

PREPARING = 15
REPORTING = 40
ATTACKING = 15
"""What preparing a dataset, making the report, and one attack or audit weigh, in calls of TFF."""


def dataset_work(settings: ExperimentSettings, name: str) -> int:
    """Everything `run_dataset` will count as work."""
    arms = settings.datasets[name].arms
    steps = sum(arm_steps(settings, settings.candidates(name, arm)[0]) for arm in arms)
    return PREPARING + selection_calls(settings, name) + steps + ATTACKING * len(attack_steps(settings, name))


def attack_steps(settings: ExperimentSettings, name: str) -> list[tuple[str, str]]:
    """What is attacked, as (kind, arm): `membership` of every arm, its `control`, and an `audit` of federated arms.

    Of the arms without a guarantee one is audited, for comparison: the canaries must be seen there.
    """
    arms, attacks = settings.datasets[name].arms, settings.attacks
    steps = []
    if attacks.membership:
        steps = [("control", ""), *(("membership", arm) for arm in arms)]
    if attacks.audit:
        private = [arm for arm, chosen in arms.items() if chosen.privacy]
        open_ones = [arm for arm, chosen in arms.items() if chosen.is_federated and not chosen.privacy]
        steps += [("audit", arm) for arm in ([*open_ones[:1], *private] if private else [])]
    return steps


def arm_steps(settings: ExperimentSettings, candidate: Candidate) -> int:
    """Steps of one arm."""
    if candidate.is_federated:
        return candidate.rounds * settings.repeats
    return 1 if candidate.method == "logistic-regression" else candidate.rounds


def selection_calls(settings: ExperimentSettings, name: str) -> int:
    """Calls of TFF that choosing among a dataset's candidates takes."""
    arms = {arm: settings.candidates(name, arm) for arm in settings.datasets[name].arms}
    rivals = federated_arms(list(arms.values()))
    calls = 0
    for candidates in arms.values():
        if is_scored(candidates, rivals):
            runs = settings.folds if candidates[0].is_federated else 1
            calls += len(candidates) * runs * candidates[0].rounds
    return calls


def federated_arms(arms: Sequence[Sequence[Candidate]]) -> int:
    """How many arms are rivals for the best federated one: all that are federated and claim no privacy."""
    return sum(is_rival(candidates[0]) for candidates in arms)


def is_rival(candidate: Candidate) -> bool:
    """Whether an arm may be chosen as the best federated one.

    Private arms may not: to be chosen on patients' rows is a release that their guarantee does not cover.
    """
    return candidate.is_federated and candidate.privacy is None


def is_scored(candidates: Sequence[Candidate], federated: int) -> bool:
    """Whether an arm needs cross-validation: to choose among candidates, or to be compared with other arms."""
    if candidates[0].method in ("paper-listing", "logistic-regression"):
        return False
    return len(candidates) > 1 or (is_rival(candidates[0]) and federated > 1)
