"""P2's Table 1 beside ours: every classifier trained on real rows and on synthetic ones, tested on real patients."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import listing, number, plural
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import headline, real_metric
from tff_health.reporting.synthesis.gaps import Gap, split_gap
from tff_health.reporting.synthesis.labels import classifier_label
from tff_health.reporting.synthesis.references import P2_TABLE_1, is_cleveland

# "Matched" allows for P2's rounding to a hundredth of a percent.
_ROUNDING = 5e-5


@dataclass(frozen=True)
class ClassifierRow:
    """One classifier.

    Attributes:
        label: for people.
        theirs: P2's accuracy on original and on synthetic rows; None where P2 is not about this dataset.
        real: ours, trained on real rows.
        synthetic: ours, trained on synthetic rows.
        gap: synthetic minus real, paired by split.
        auc: ours, trained on synthetic rows.
        auc_gap: synthetic minus real in AUC, paired by split.
    """

    label: str
    theirs: tuple[float, float] | None
    real: Metric
    synthetic: Metric
    gap: Gap | None
    auc: Metric
    auc_gap: Gap | None


@dataclass(frozen=True)
class ClassifierTable:
    """All classifiers on one arm's rows.

    Attributes:
        arm: whose synthetic rows.
        beside_paper: whether P2's figures stand in it.
        rows: one a classifier, their mean last.
        sentence: what it shows.
    """

    arm: Arm
    beside_paper: bool
    rows: tuple[ClassifierRow, ...]
    sentence: str


def classifier_names(dataset: DatasetResult) -> list[str]:
    """The classifiers of a dataset: as recorded, else those of P2 that some arm was scored with."""
    if dataset.synthesis is not None and dataset.synthesis.classifiers:
        return list(dataset.synthesis.classifiers)
    scored = {name.split("/")[1] for arm in dataset.arms.values() for name in arm.metrics if name.startswith("tstr/")}
    return [name for name in P2_TABLE_1 if name in scored]


def classifier_table(dataset: DatasetResult) -> ClassifierTable | None:
    """The table of one dataset; None where no arm was scored by classifiers."""
    paper = is_cleveland(dataset)
    name = headline(dataset)
    classifiers = classifier_names(dataset)
    if name is None or not classifiers:
        return None
    arm = dataset.arms[name]
    rows = [_row(dataset, arm, one, P2_TABLE_1.get(one) if paper else None) for one in classifiers]
    mean = _row(dataset, arm, "mean", None)
    if paper and all(one in P2_TABLE_1 for one in classifiers):
        values = [P2_TABLE_1[one] for one in classifiers]
        mean = _row(dataset, arm, "mean", (_mean([v[0] for v in values]), _mean([v[1] for v in values])))
    return ClassifierTable(arm, paper, (*rows, mean), _sentence(rows, mean))


def _row(dataset: DatasetResult, arm: Arm, name: str, theirs: tuple[float, float] | None) -> ClassifierRow:
    accuracy, auc = f"tstr/{name}/accuracy", f"tstr/{name}/auc"
    real, synthetic = real_metric(dataset, accuracy), arm.metric(accuracy)
    return ClassifierRow(
        classifier_label(name),
        theirs,
        real,
        synthetic,
        split_gap(dataset, synthetic, real),
        arm.metric(auc),
        split_gap(dataset, arm.metric(auc), real_metric(dataset, auc)),
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _sentence(rows: list[ClassifierRow], mean: ClassifierRow) -> str:
    parts = []
    held = [row for row in rows if row.theirs and row.synthetic.value is not None]
    if held:
        short = [
            f"{row.label} ({number(row.synthetic.value)} against {number(row.theirs[1])})"
            for row in held
            if row.theirs and row.synthetic.value is not None and row.synthetic.value < row.theirs[1] - _ROUNDING
        ]
        reached = len(held) - len(short)
        parts.append(
            f"P2's synthetic accuracy is matched or beaten for {reached} of {plural(len(held), 'classifier')}"
            + (f"; below it: {listing(short)}" if short else "")
        )
    known = [row for row in rows if row.gap is not None]
    if known:
        worst = min(known, key=lambda row: row.gap.value if row.gap else 0.0)
        assert worst.gap is not None
        lost = "loses most" if worst.gap.value < 0 else "gains least"
        parts.append(f"{worst.label} {lost} on synthetic rows, {worst.gap.words} in accuracy")
    if mean.gap is not None:
        parts.append(f"the mean over classifiers changes by {mean.gap.words}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
