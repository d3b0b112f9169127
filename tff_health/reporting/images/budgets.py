"""Which private generator of images is best at which epsilon, and what its guarantee costs."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.guarantee import named
from tff_health.reporting.images.arms import (
    fewer_seeds,
    headline,
    private_generators,
    ranked,
    real_metric,
    speaking_classifier,
    worth_metric,
)
from tff_health.reporting.images.labels import image_classifier_label
from tff_health.reporting.images.utility import SEED
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import by_level
from tff_health.reporting.synthesis.budgets import Budget, costs_against, winners_sentence
from tff_health.reporting.synthesis.gaps import Gap, gap


@dataclass(frozen=True)
class PrivateRow:
    """One private arm, or the arm without a guarantee beside them.

    Attributes:
        epsilon: as text; `none` without a guarantee.
        title: for people.
        accuracy: of the speaking classifier, trained on synthetic images alone.
        auc: likewise.
        real_gap: AUC against real images.
        cost: AUC against the arm without a guarantee.
        ratio: FD-clf over its floor.
    """

    epsilon: str
    title: str
    accuracy: Metric
    auc: Metric
    real_gap: Gap | None
    cost: Gap | None
    ratio: Metric


def image_budgets(dataset: DatasetResult) -> list[Budget]:
    """Every epsilon at which some generator was scored, rising."""
    metric = worth_metric(dataset, "auc")
    plain = headline(dataset)
    found = []
    for epsilon, arms in by_level(private_generators(dataset)).items():
        ranking = ranked(dataset, arms)
        if ranking is None:
            continue
        best = arms[ranking.best]
        auc = best.metric(metric)
        found.append(
            Budget(
                epsilon=epsilon,
                arms=arms,
                best=ranking.best,
                compared=ranking.compared,
                shared=ranking.shared,
                left_out=ranking.left_out,
                splits=fewer_seeds(dataset, best),
                chosen=None,
                accuracy=best.metric(worth_metric(dataset, "accuracy")),
                auc=auc,
                real_gap=gap(auc, real_metric(dataset, metric), SEED),
                cost=gap(auc, dataset.arms[plain].metric(metric), SEED) if plain else None,
                gan_gap=None,
                gan="",
                histogram="",
            )
        )
    return found


def image_winners(dataset: DatasetResult, found: list[Budget]) -> str:
    """The best private generator at each epsilon, in a sentence; empty without any."""
    return winners_sentence(found, measure_words(dataset), SEED)


def image_cost(dataset: DatasetResult, found: list[Budget]) -> str:
    """What the guarantee costs; empty where there is nothing to hold it against."""
    plain = headline(dataset)
    return costs_against(dataset.arms[plain], found, measure_words(dataset)) if plain else ""


def measure_words(dataset: DatasetResult) -> str:
    """What is compared: `CNN AUC`."""
    name = speaking_classifier(dataset)
    return "mean AUC" if name == "mean" else f"{image_classifier_label(name)} AUC"


def private_rows(dataset: DatasetResult) -> list[PrivateRow]:
    """Every private arm by rising epsilon, then the arm that they are held against; empty without private ones."""
    plain = headline(dataset)
    rows = [
        _row(dataset, epsilon, arm, plain)
        for epsilon, arms in by_level(private_generators(dataset)).items()
        for arm in arms.values()
    ]
    if rows and plain:
        rows.append(_row(dataset, "none", dataset.arms[plain], None))
    return rows


def _row(dataset: DatasetResult, epsilon: str, arm: Arm, plain: str | None) -> PrivateRow:
    accuracy, auc = (arm.metric(worth_metric(dataset, measure)) for measure in ("accuracy", "auc"))
    metric = worth_metric(dataset, "auc")
    return PrivateRow(
        epsilon,
        named(arm),
        accuracy,
        auc,
        gap(auc, real_metric(dataset, metric), SEED),
        gap(auc, dataset.arms[plain].metric(metric), SEED) if plain else None,
        arm.metric("fd_clf/ratio"),
    )
