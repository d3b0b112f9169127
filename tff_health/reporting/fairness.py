"""Whom an arm serves least: its worst hospital, its best one, and the gap between them."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.results import DatasetResult, Metric

FAIRNESS_METRICS = ("accuracy", "auc")


@dataclass(frozen=True)
class Spread:
    """One measure of an arm over hospitals.

    Attributes:
        worst: name and metric of the hospital that it serves least.
        best: of the one that it serves best.
    """

    worst: tuple[str, Metric]
    best: tuple[str, Metric]

    @property
    def gap(self) -> float:
        """Best minus worst."""
        return (self.best[1].value or 0.0) - (self.worst[1].value or 0.0)


@dataclass(frozen=True)
class FairnessRow:
    """One arm.

    Attributes:
        title: of the arm.
        chosen: whether it speaks for federation.
        spreads: one for each of `FAIRNESS_METRICS`; None where fewer than two hospitals have a value.
    """

    title: str
    chosen: bool
    spreads: tuple[Spread | None, ...]


def hospital_metric(dataset: DatasetResult, arm: str, hospital: str, metric: str) -> Metric:
    """An arm's measure on one hospital's own patients; of hospitals alone, that of the hospital's own model.

    Args:
        dataset: of the run.
        arm: its name.
        hospital: whose held-out patients.
        metric: `accuracy` or `auc`.
    """
    own = dataset.arms.get(f"{arm}/{hospital}", dataset.arms[arm])
    return own.metric(f"hospital/{hospital}/{metric}")


def fairness_rows(dataset: DatasetResult) -> list[FairnessRow]:
    """A row for each arm that was scored on two hospitals' own patients or more; empty where none was."""
    rows = [
        FairnessRow(
            arm.title, name == dataset.headline_arm, tuple(_spread(dataset, name, one) for one in FAIRNESS_METRICS)
        )
        for name, arm in dataset.shown_arms.items()
    ]
    return [row for row in rows if any(row.spreads)]


def _spread(dataset: DatasetResult, arm: str, metric: str) -> Spread | None:
    found = [(name, hospital_metric(dataset, arm, name, metric)) for name in dataset.hospitals]
    known = sorted(((one.value, name, one) for name, one in found if one.value is not None), key=lambda each: each[:2])
    if len(known) < 2:
        return None
    return Spread(worst=known[0][1:], best=known[-1][1:])
