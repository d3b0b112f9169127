"""How near synthetic images are to real ones, how varied, and whether they repeat training images, in sentences."""

from __future__ import annotations

import math

from tff_health.reporting.formatting import interval, listing, number, plural, signed, some
from tff_health.reporting.guarantee import named
from tff_health.reporting.images.arms import generators, headline
from tff_health.reporting.images.labels import class_label
from tff_health.reporting.images.tables import SIMILARITIES, diversity_classes
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.attackers import copies_sentence
from tff_health.reporting.synthesis.membership_words import Wording, membership_sentence

IMAGES = Wording(
    generators,
    maker="generator",
    made="synthetic images",
    unit="image",
    held_out="images",
    doubt="too wide an interval to tell",
)
# Coverage below this share of the real images is called out.
_THIN = 0.5


def likeness_sentence(dataset: DatasetResult) -> str:
    """FD-clf beside its floor, and how far images reach; empty where nobody measured it."""
    arms = generators(dataset)
    known = {name: arm for name, arm in arms.items() if arm.metric("fd_clf/value").value is not None}
    parts = []
    if known:
        order = [name for name in (headline(dataset),) if name in known]
        order += [name for name in known if name not in order]
        floor = known[order[0]].metric("fd_clf/floor").value
        beside = "" if floor is None else f"; the floor, real images from other real ones, is {number(floor, 1)}"
        distances = some([_distance(known[name]) for name in order])
        parts.append(f"Distance to real images (FD-clf, lower is nearer): {distances}{beside}")
    thin = [
        f"{named(arm)} {interval(metric, 2)}"
        for arm in arms.values()
        if (metric := arm.metric("coverage/recall")).value is not None and metric.value < _THIN
    ]
    if thin:
        parts.append(f"less than half of the real images lie within reach of the synthetic ones (recall): {some(thin)}")
    return f"{'; '.join(parts)}." if parts else ""


def collapse_sentence(dataset: DatasetResult) -> str:
    """Whether images of a class are more alike than real ones are, each arm by its worst class; empty where nobody
    measured it."""
    alike, unlike, undecided = [], [], 0
    for arm in generators(dataset).values():
        found = worst_class(arm)
        if found is None:
            continue
        label, metric = class_label(dataset, found[0]), found[2]
        words = f"{named(arm)} {found[1]} {_signed_interval(metric)} in {label}"
        if metric.low is not None and metric.low > 0:
            alike.append(words)
        elif metric.high is not None and metric.high < 0:
            unlike.append(words)
        else:
            undecided += 1
    measured = len(alike) + len(unlike) + undecided
    if not measured:
        return ""
    parts = []
    if alike:
        parts.append(
            "images of a class are MORE ALIKE than real ones, as after mode collapse (likeness of pairs, synthetic "
            f"minus real, worst class): {some(alike)}"
        )
    if unlike:
        parts.append(f"less alike than real ones in every class, which noise also brings about: {some(unlike)}")
    if undecided:
        parts.append(
            f"those of {undecided} of {plural(measured, 'generator')} are in no class clearly more alike than real ones"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def headline_likeness(dataset: DatasetResult) -> str:
    """How like real images those of one arm are: the one that speaks for synthetic images; empty without figures."""
    best = headline(dataset) or next(iter(generators(dataset)), None)
    if best is None:
        return ""
    arm = dataset.arms[best]
    parts = [f"FD-clf {_of_floor(arm)}"] if arm.metric("fd_clf/value").value is not None else []
    for name, label in (("coverage/precision", "precision"), ("coverage/recall", "recall")):
        if arm.metric(name).value is not None:
            parts.append(f"{label} {interval(arm.metric(name), 2)}")
    found = worst_class(arm)
    if found is not None:
        words = f"{found[1]} of pairs, synthetic minus real, {_signed_interval(found[2])}"
        parts.append(f"{words} in {class_label(dataset, found[0])}, the worst class")
    return f"{named(arm)}: {'; '.join(parts)}." if parts else ""


def memory_sentence(dataset: DatasetResult) -> str:
    """PSNR and SSIM to the closest training image beside those of held-out images, the closest generators first; empty
    where nobody measured it."""
    parts = []
    for arm in sorted(generators(dataset).values(), key=_closeness, reverse=True):
        values = [
            f"{label} {_pair(made, strangers, digits)}"
            for measure, label, digits in (("psnr", "PSNR", 1), ("ssim", "SSIM", 2))
            if (made := arm.metrics.get(f"memorisation/{measure}_median")) is not None
            and (strangers := arm.metric(f"memorisation/{measure}_median_holdout")).value is not None
        ]
        if values:
            parts.append(f"{named(arm)} {listing(values)}")
    if not parts:
        return ""
    return (
        "Median likeness to the closest training image, synthetic images against held-out real ones (higher is closer)"
        f": {some(parts)}."
    )


def image_attacker_sentences(dataset: DatasetResult, judged: DatasetResult) -> list[str]:
    """All of what an attacker finds, membership first.

    Args:
        dataset: as recorded.
        judged: the same as `views.privacy_view` has it, with the overfitted generators among the controls.
    """
    found = (
        membership_sentence(dataset, judged, IMAGES),
        copies_sentence(dataset, IMAGES, "memorisation"),
        memory_sentence(dataset),
    )
    return [line for line in found if line]


def class_difference(arm: Arm, key: str) -> tuple[str, Metric] | None:
    """Label and difference of the similarity that speaks for a class: MS-SSIM where it was measured, else SSIM.

    Args:
        arm: with `diversity/...` among its metrics.
        key: the class, as the metrics' names have it.
    """
    for similarity in reversed(SIMILARITIES):
        metric = arm.metric(f"diversity/{key}/{similarity}_difference")
        if metric.value is not None:
            return SIMILARITIES[similarity], metric
    return None


def worst_class(arm: Arm) -> tuple[str, str, Metric] | None:
    """The class whose images are most alike against real ones: its key, the similarity, and the difference.

    Args:
        arm: with `diversity/...` among its metrics.
    """
    found = [(key, *one) for key in diversity_classes(arm) if (one := _class_difference(arm, key)) is not None]
    return max(found, key=lambda one: one[2].value or 0.0) if found else None


def _class_difference(arm: Arm, key: str) -> tuple[str, Metric] | None:
    """The similarity that speaks for a class: MS-SSIM where it was measured, else SSIM."""
    for similarity in reversed(SIMILARITIES):
        metric = arm.metric(f"diversity/{key}/{similarity}_difference")
        if metric.value is not None:
            return SIMILARITIES[similarity], metric
    return None


def _distance(arm: Arm) -> str:
    value, ratio = arm.metric("fd_clf/value").value, arm.metric("fd_clf/ratio").value
    return f"{named(arm)} {number(value, 1)}{'' if ratio is None else f' or {number(ratio, 1)} times its floor'}"


def _of_floor(arm: Arm) -> str:
    value, ratio = arm.metric("fd_clf/value"), arm.metric("fd_clf/ratio").value
    return f"{interval(value, 1)}{'' if ratio is None else f', {number(ratio, 1)} times its floor'}"


def _signed_interval(metric: Metric) -> str:
    if metric.value is None or metric.low is None or metric.high is None:
        return signed(metric.value or 0.0)
    return f"{signed(metric.value)} ({signed(metric.low)} to {signed(metric.high)})"


def _closeness(arm: Arm) -> float:
    """Median PSNR to the closest training image; infinite where most images are copies, which JSON cannot hold."""
    metric = arm.metrics.get("memorisation/psnr_median")
    return -math.inf if metric is None else math.inf if metric.value is None else metric.value


def _pair(made: Metric, strangers: Metric, digits: int) -> str:
    unit = " dB" if digits == 1 else ""
    beside = f"against {number(strangers.value, digits)}{unit}"
    if made.value is None:
        return f"INFINITE, as most are COPIES, {beside}"
    clear = made.low is not None and strangers.high is not None and made.low > strangers.high
    words = ", CLOSER than strangers' images" if clear else ""
    return f"{number(made.value, digits)}{unit} {beside}{words}"
