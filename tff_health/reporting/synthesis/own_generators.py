"""Each hospital's own generator against the federated one."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import plural
from tff_health.reporting.guarantee import is_private, named, shared_terms, upper
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import MEAN_ACCURACY, MEAN_AUC, arms_for
from tff_health.reporting.synthesis.gaps import Gap, split_gap


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
    """All hospitals' parts of one arm, tested on the same kind of patients.

    Attributes:
        arm: name of the arm whose parts the hospitals' generators are.
        guarantee: its epsilon in words; empty without one.
        terms: what that epsilon rests on; empty without one.
        tested_on: in words.
        federated: the federated arm of the same method and guarantee; None where there is none.
        rows: one a hospital.
        sentence: for how many the federated generator is better.
    """

    arm: str
    guarantee: str
    terms: str
    tested_on: str
    federated: Arm | None
    rows: tuple[OwnRow, ...]
    sentence: str


def own_tables(dataset: DatasetResult) -> list[OwnTable]:
    """For each such arm a table on the hospital's own held-out patients and one on everybody's, as far as measured."""
    groups: dict[str, dict[str, Arm]] = {}
    for name, arm in arms_for(dataset, "own-generator").items():
        prefix, _, hospital = name.partition("/")
        groups.setdefault(prefix, {})[hospital or arm.title] = arm
    tables = []
    for prefix, parts in groups.items():
        federated = counterpart(dataset, next(iter(parts.values())))
        for tested_on, own_patients in (
            ("the hospital's own held-out patients", True),
            ("the held-out patients of all hospitals", False),
        ):
            rows = [
                row
                for hospital, arm in parts.items()
                if (row := _row(dataset, hospital, arm, federated, own_patients)) is not None
            ]
            if rows:
                sentence = _sentence(prefix, federated, rows, tested_on)
                terms = shared_terms(parts.values())
                tables.append(OwnTable(prefix, _guarantee(parts), terms, tested_on, federated, tuple(rows), sentence))
    return tables


def counterpart(dataset: DatasetResult, own: Arm) -> Arm | None:
    """The federated synthesiser, no ablation and no control, of the same method and privacy target; None without one.

    Of several the one whose settings have most in common with the hospitals' own, the first of the file among equals:
    never the one that did best on held-out patients.
    """
    if own.synthesis is None:
        return None
    alike = [
        arm
        for arm in arms_for(dataset, "synthesiser").values()
        if arm.federated and arm.synthesis and arm.synthesis.kind == own.synthesis.kind and _target(arm) == _target(own)
    ]
    return max(alike, key=lambda arm: _agreement(arm, own)) if alike else None


def _agreement(arm: Arm, own: Arm) -> int:
    """Settings that both have alike less those that differ; where rows come from differs by design."""
    keys = (set(arm.settings) | set(own.settings)) - {"data"}
    return sum(1 if arm.settings.get(key) == own.settings.get(key) else -1 for key in keys)


def _target(arm: Arm) -> tuple[str, float] | None:
    """Unit and epsilon that were asked for; None without a guarantee."""
    if arm.privacy is None or arm.privacy.epsilon is None:
        return None
    wanted = (arm.privacy.model_extra or {}).get("target_epsilon")
    return arm.privacy.unit, float(wanted) if isinstance(wanted, int | float) else round(arm.privacy.epsilon, 1)


def _guarantee(parts: dict[str, Arm]) -> str:
    spent = [arm.privacy.epsilon for arm in parts.values() if is_private(arm) and arm.privacy]
    unit = next((arm.privacy.unit for arm in parts.values() if arm.privacy), "")
    return f"{unit} level, epsilon at most {upper(max(one or 0.0 for one in spent))}" if spent else ""


def _row(dataset: DatasetResult, hospital: str, own: Arm, federated: Arm | None, own_patients: bool) -> OwnRow | None:
    prefix = f"hospital/{hospital}/" if own_patients else ""
    names = [f"{prefix}{MEAN_ACCURACY}", f"{prefix}{MEAN_AUC}"]
    mine = (own.metric(names[0]), own.metric(names[1]))
    theirs = (federated.metric(names[0]), federated.metric(names[1])) if federated else (Metric(), Metric())
    if all(metric.value is None for metric in mine):
        return None
    counts = dataset.hospitals.get(hospital)
    gaps = (split_gap(dataset, theirs[0], mine[0]), split_gap(dataset, theirs[1], mine[1]))
    return OwnRow(hospital, counts.train if counts else None, mine, theirs, gaps)


def _sentence(prefix: str, federated: Arm | None, rows: list[OwnRow], tested_on: str) -> str:
    if federated is None:
        return f"No federated arm has the method and the guarantee of {prefix}, so nothing is held against it."
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
    return f"On {tested_on}, {named(federated)} is better than the hospital's own generator {words}."
