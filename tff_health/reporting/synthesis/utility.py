"""What classifiers learn from each arm's synthetic rows, and from real and synthetic rows together."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import interval, listing
from tff_health.reporting.guarantee import is_private, named
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.added import added_sentence
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    SHOWN_PURPOSES,
    arms_for,
    family,
    headline,
    level,
    plain_synthesisers,
    real_metric,
)
from tff_health.reporting.synthesis.gaps import Gap, split_gap
from tff_health.reporting.synthesis.labels import classifier_label
from tff_health.reporting.synthesis.splits import fewer_splits
from tff_health.reporting.synthesis.table_1 import classifier_names

_AUGMENTED = "augmented/mean/auc"


@dataclass(frozen=True)
class UtilityRow:
    """One arm.

    Attributes:
        title: for people.
        way: federated or pooled, its epsilon, and its splits where it was not scored in all.
        chosen: whether it speaks for synthesis.
        accuracy: mean over classifiers trained on synthetic rows.
        auc: likewise.
        auc_gap: AUC against real rows, paired by split.
        worst: the classifier that loses most accuracy against real rows, and how much; None where that is not known.
        augmented: AUC of classifiers trained on real and synthetic rows.
        augmented_gap: that against real rows alone, paired by split.
    """

    title: str
    way: str
    chosen: bool
    accuracy: Metric
    auc: Metric
    auc_gap: Gap | None
    worst: tuple[str, Gap] | None
    augmented: Metric
    augmented_gap: Gap | None


def utility_rows(dataset: DatasetResult) -> list[UtilityRow]:
    """Real rows first, then every synthesiser, ablation and control in the order of the file."""
    real = real_metric(dataset, MEAN_AUC)
    rows = []
    if real.value is not None or real_metric(dataset, MEAN_ACCURACY).value is not None:
        accuracy = real_metric(dataset, MEAN_ACCURACY)
        rows.append(UtilityRow("Real rows", "the yardstick", False, accuracy, real, None, None, Metric(), None))
    best = headline(dataset)
    for wanted in SHOWN_PURPOSES:
        for name, arm in arms_for(dataset, wanted).items():
            if arm.metric(MEAN_AUC).value is None and arm.metric(MEAN_ACCURACY).value is None:
                continue
            augmented = arm.metric(_AUGMENTED)
            rows.append(
                UtilityRow(
                    named(arm),
                    ", ".join(filter(None, (_way(name, arm, wanted), fewer_splits(dataset, arm)))),
                    name == best,
                    arm.metric(MEAN_ACCURACY),
                    arm.metric(MEAN_AUC),
                    split_gap(dataset, arm.metric(MEAN_AUC), real),
                    worst_classifier(dataset, arm),
                    augmented,
                    split_gap(dataset, augmented, real),
                )
            )
    return rows


def worst_classifier(dataset: DatasetResult, arm: Arm) -> tuple[str, Gap] | None:
    """The classifier whose accuracy falls most against real rows, and the paired gap."""
    found = []
    for name in classifier_names(dataset):
        metric = f"tstr/{name}/accuracy"
        one = split_gap(dataset, arm.metric(metric), real_metric(dataset, metric))
        if one is not None:
            found.append((classifier_label(name), one))
    return min(found, key=lambda item: item[1].value) if found else None


def augmentation_sentence(dataset: DatasetResult) -> str:
    """Whether adding synthetic rows to the real ones helps; empty where nobody tried."""
    real = real_metric(dataset, MEAN_AUC)
    tried = {
        named(arm): one
        for arm in arms_for(dataset, "synthesiser").values()
        if (one := split_gap(dataset, arm.metric(_AUGMENTED), real)) is not None
    }
    return added_sentence("Real and synthetic rows together, against real rows alone", tried, "synthesiser", "mean AUC")


def federated_augmentation_sentence(dataset: DatasetResult) -> str:
    """Whether a classifier trained by federated averaging gains from synthetic rows; empty where nobody tried."""
    parts = []
    for arm in arms_for(dataset, "synthesiser").values():
        gaps = [
            f"{label} {one.words}"
            for label, name in (("accuracy", "federated/accuracy"), ("AUC", "federated/auc"))
            if (one := split_gap(dataset, arm.metric(f"augmented/{name}"), real_metric(dataset, f"trtr/{name}")))
            is not None
        ]
        if gaps:
            parts.append(f"{named(arm)} {listing(gaps)}")
    if not parts:
        return ""
    return f"A federated classifier on real and synthetic rows, against the same on real rows: {'; '.join(parts)}."


def ablation_sentence(dataset: DatasetResult) -> str:
    """What packing and training by sampling are worth, by leaving them out; empty without such arms."""
    full = next((arm for name, arm in plain_synthesisers(dataset).items() if name == "ctgan"), None)
    parts = []
    for arm in arms_for(dataset, "ablation").values():
        one = split_gap(dataset, arm.metric(MEAN_AUC), full.metric(MEAN_AUC)) if full else None
        beside = f", {one.words} against {named(full)}" if one and full else ""
        parts.append(f"{named(arm)}: mean AUC {interval(arm.metric(MEAN_AUC))}{beside}")
    return f"{'; '.join(parts)}." if parts else ""


def _way(name: str, arm: Arm, wanted: str) -> str:
    where = "federated" if arm.federated else "pooled rows"
    if wanted == "control":
        return "control, overfitted on purpose"
    return f"{where}, epsilon {level(name, arm)}" if is_private(arm) and family(arm) == arm.title else where
