"""Each hospital's own generator against the federated one."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import plural
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    arms_for,
    best_of,
    headline,
    plain_synthesisers,
)
from tff_health.reporting.synthesis.gaps import Gap, gap


@dataclass(frozen=True)
class OwnRow:
    """One hospital on one group of held-out patients.

    Attributes:
        hospital: name.
        train: its real training rows; None where they were not counted.
        own: metrics (accuracy, AUC) of classifiers trained on its own generator's rows.
        federated: the same of the federated generator's rows.
        gaps: federated minus own, paired by split.
    """

    hospital: str
    train: int | None
    own: tuple[Metric, Metric]
    federated: tuple[Metric, Metric]
    gaps: tuple[Gap | None, Gap | None]


@dataclass(frozen=True)
class OwnTable:
    """All hospitals, tested on the same kind of patients.

    Attributes:
        tested_on: in words.
        federated: the federated arm.
        rows: one a hospital.
        sentence: for how many the federated generator is better.
    """

    tested_on: str
    federated: Arm
    rows: tuple[OwnRow, ...]
    sentence: str


def own_tables(dataset: DatasetResult) -> list[OwnTable]:
    """A table on the hospital's own held-out patients and one on everybody's, as far as they were measured."""
    own = arms_for(dataset, "own-generator")
    federated = _federated(dataset, own)
    if federated is None:
        return []
    tables = []
    for tested_on, own_patients in (
        ("the hospital's own held-out patients", True),
        ("the held-out patients of all hospitals", False),
    ):
        rows = [
            row
            for name, arm in own.items()
            if (row := _row(dataset, name.partition("/")[2] or arm.title, arm, federated, own_patients)) is not None
        ]
        if rows:
            tables.append(OwnTable(tested_on, federated, tuple(rows), _sentence(federated, rows, tested_on)))
    return tables


def _federated(dataset: DatasetResult, own: dict[str, Arm]) -> Arm | None:
    """The federated arm of the own generators' kind, else what speaks for synthesis."""
    kinds = {arm.synthesis.kind for arm in own.values() if arm.synthesis}
    alike = {
        name: arm
        for name, arm in plain_synthesisers(dataset).items()
        if arm.federated and arm.synthesis and arm.synthesis.kind in kinds
    }
    name = next((one for one in alike if one in kinds), None) or best_of(alike) or headline(dataset)
    return dataset.arms[name] if own and name else None


def _row(dataset: DatasetResult, hospital: str, own: Arm, federated: Arm, own_patients: bool) -> OwnRow | None:
    prefix = f"hospital/{hospital}/" if own_patients else ""
    names = [f"{prefix}{MEAN_ACCURACY}", f"{prefix}{MEAN_AUC}"]
    mine = (own.metric(names[0]), own.metric(names[1]))
    theirs = (federated.metric(names[0]), federated.metric(names[1]))
    if all(metric.value is None for metric in mine):
        return None
    counts = dataset.hospitals.get(hospital)
    gaps = (gap(theirs[0], mine[0]), gap(theirs[1], mine[1]))
    return OwnRow(hospital, counts.train if counts else None, mine, theirs, gaps)


def _sentence(federated: Arm, rows: list[OwnRow], tested_on: str) -> str:
    parts = []
    for place, label in ((1, "AUC"), (0, "accuracy")):
        known = [(row.hospital, one) for row in rows if (one := row.gaps[place]) is not None]
        if not known:
            continue
        better = [one for _, one in known if one.value > 0]
        clear = sum(one.outcome == "better" for one in better)
        text = f"in {label} for {len(better)} of {plural(len(known), 'hospital')} (its interval above zero for {clear})"
        behind = [f"{hospital}, {one.words}" for hospital, one in known if one.value <= 0]
        parts.append(f"{text}; not for {'; '.join(behind)}" if behind else text)
    if not parts:
        return ""
    words = ". It is better ".join(parts)
    return f"On {tested_on}, {federated.title} is better than the hospital's own generator {words}."
