"""What classifiers learn from synthetic images: alone, beside the real ones, and where real ones are few."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import interval, listing
from tff_health.reporting.guarantee import is_private, named
from tff_health.reporting.images.arms import (
    PURPOSES,
    REAL_PART,
    all_image_arms,
    classifier_names,
    fewer_seeds,
    generators,
    headline,
    image_arms,
    real_metric,
    speaking_classifier,
    worth_metric,
)
from tff_health.reporting.images.labels import image_classifier_label, speaking_label
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.added import added_sentence
from tff_health.reporting.synthesis.arms import family, level
from tff_health.reporting.synthesis.gaps import Gap, gap
from tff_health.reporting.synthesis.measure_table import MeasureTable, measure_table
from tff_health.reporting.synthesis_document import Purpose

SEED = "seed"
TRAINED_WITH = {
    "tstr": ("Trained on synthetic images alone", "Real images alone"),
    "augmented": ("Trained on real and synthetic images", "Real images alone"),
    "low-data-augmented": (
        "Trained on a tenth of the real images and the synthetic ones",
        "A tenth of the real images alone",
    ),
}
"""First part of an arm's metrics -> what classifiers were trained on, and what that is set against."""


@dataclass(frozen=True)
class ImageUtilityRow:
    """One arm under the classifier that speaks for images.

    Attributes:
        title: for people.
        way: federated or pooled, its epsilon, and its seeds where it was not scored under all.
        chosen: whether it speaks for synthetic images.
        accuracy: trained on synthetic images alone.
        auc: likewise.
        auc_gap: that AUC against real images, paired by seed.
        augmented: AUC when trained on real and synthetic images.
        augmented_gap: that against real images alone.
        low: AUC when trained on a tenth of the real images and the synthetic ones.
        low_gap: that against the tenth alone.
    """

    title: str
    way: str
    chosen: bool
    accuracy: Metric
    auc: Metric
    auc_gap: Gap | None
    augmented: Metric
    augmented_gap: Gap | None
    low: Metric
    low_gap: Gap | None


def arm_gap(dataset: DatasetResult, arm: Arm, metric: str) -> Gap | None:
    """An arm's metric against that of real images, paired by seed; None where one of them is not defined."""
    return gap(arm.metric(metric), real_metric(dataset, metric), SEED)


def image_utility_rows(dataset: DatasetResult) -> list[ImageUtilityRow]:
    """Real images first, then every arm; arms that no classifier was trained for are left out."""
    accuracy, auc = (worth_metric(dataset, measure) for measure in ("accuracy", "auc"))
    augmented, low = (worth_metric(dataset, "auc", part) for part in ("augmented", "low-data-augmented"))
    rows = []
    real = [real_metric(dataset, name) for name in (accuracy, auc, low)]
    if any(metric.value is not None for metric in real):
        none = Metric()
        rows.append(
            ImageUtilityRow("Real images", "the yardstick", False, real[0], real[1], None, none, None, real[2], None)
        )
    best = headline(dataset)
    for wanted in PURPOSES:
        for name, arm in image_arms(dataset, wanted).items():
            if all(arm.metric(one).value is None for one in (accuracy, auc, augmented, low)):
                continue
            rows.append(
                ImageUtilityRow(
                    named(arm),
                    ", ".join(filter(None, (_way(name, arm, wanted), fewer_seeds(dataset, arm)))),
                    name == best,
                    arm.metric(accuracy),
                    arm.metric(auc),
                    arm_gap(dataset, arm, auc),
                    arm.metric(augmented),
                    arm_gap(dataset, arm, augmented),
                    arm.metric(low),
                    arm_gap(dataset, arm, low),
                )
            )
    return rows


def classifier_tables(dataset: DatasetResult) -> list[tuple[str, MeasureTable]]:
    """Accuracy and AUC of every classifier, one table for each way of training that was tried, with its caption."""
    arms = all_image_arms(dataset)
    names = classifier_names(dataset)
    averaged = any(f"{part}/mean/auc" in arm.metrics for part in REAL_PART for arm in arms.values())
    names += ["mean"] if averaged else []
    found = []
    for part, (caption, beside) in TRAINED_WITH.items():
        metrics = [f"{part}/{name}/{measure}" for name in names for measure in ("accuracy", "auc")]
        if not any(arm.metric(metric).value is not None for arm in arms.values() for metric in metrics):
            continue
        columns = [
            (f"{part}/{name}/{measure}", f"{image_classifier_label(name)}: {label}", "")
            for name in names
            for measure, label in (("accuracy", "accuracy"), ("auc", "AUC"))
        ]
        rows = [(beside, tuple(real_metric(dataset, metric) for metric in metrics))]
        rows += [(named(arm), tuple(arm.metric(metric) for metric in metrics)) for arm in arms.values()]
        found.append((caption, measure_table(rows, columns)))
    return found


def other_classifiers_sentence(dataset: DatasetResult, arm: Arm) -> str:
    """How the classifiers that do not speak for images fare on the arm's; empty without any."""
    speaking = speaking_classifier(dataset)
    parts = []
    for name in classifier_names(dataset):
        beside = arm_gap(dataset, arm, f"tstr/{name}/auc")
        if name != speaking and beside is not None:
            parts.append(f"{image_classifier_label(name)} {interval(arm.metric(f'tstr/{name}/auc'))}, {beside.words}")
    return f"Other classifiers, AUC and its gap to real images: {'; '.join(parts)}." if parts else ""


def added_sentences(dataset: DatasetResult) -> list[str]:
    """Whether synthetic images help beside all real ones, and beside a tenth of them."""
    who = speaking_label(speaking_classifier(dataset))
    leads = {
        "augmented": "Real and synthetic images together, against real images alone",
        "low-data-augmented": "A tenth of the real images with the synthetic ones, against that tenth alone",
    }
    found = []
    for part, lead in leads.items():
        metric = worth_metric(dataset, "auc", part)
        tried = {
            named(arm): one
            for arm in generators(dataset).values()
            if (one := arm_gap(dataset, arm, metric)) is not None
        }
        found.append(added_sentence(lead, tried, "generator", f"AUC of {who}"))
    return [line for line in found if line]


def ablation_sentence(dataset: DatasetResult) -> str:
    """What ablations reach, beside the arm that speaks for synthetic images; empty without any."""
    best = headline(dataset)
    metric = worth_metric(dataset, "auc")
    parts = []
    for arm in image_arms(dataset, "ablation").values():
        one = gap(arm.metric(metric), dataset.arms[best].metric(metric), SEED) if best else None
        beside = f", {one.words} against {named(dataset.arms[best])}" if one and best else ""
        parts.append(f"{named(arm)}: AUC {interval(arm.metric(metric))}{beside}")
    return f"{listing(parts)}." if parts else ""


def _way(name: str, arm: Arm, wanted: Purpose) -> str:
    if wanted == "control":
        return "control, overfitted on purpose"
    where = "one hospital's own" if wanted == "own-generator" else "federated" if arm.federated else "pooled images"
    return f"{where}, epsilon {level(name, arm)}" if is_private(arm) and family(arm) == arm.title else where
