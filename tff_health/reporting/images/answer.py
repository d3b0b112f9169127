"""Are the synthetic images worth training on? The sentences at the top of the report, computed from the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import interval, listing, number, plural
from tff_health.reporting.guarantee import NOT_SECURE, epsilon_of, is_private, named, secure_aggregation, shared_terms
from tff_health.reporting.images.arms import (
    all_image_arms,
    dataset_seeds,
    fewer_seeds,
    generators,
    headline,
    private_generators,
    real_metric,
    speaking_classifier,
    worth_metric,
)
from tff_health.reporting.images.budgets import image_budgets, image_cost, image_winners
from tff_health.reporting.images.labels import speaking_label
from tff_health.reporting.images.likeness import (
    IMAGES,
    collapse_sentence,
    image_attacker_sentences,
    likeness_sentence,
)
from tff_health.reporting.images.utility import (
    SEED,
    ablation_sentence,
    added_sentences,
    arm_gap,
    other_classifiers_sentence,
)
from tff_health.reporting.privacy_cost import WEAK_EPSILON
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.budgets import Budget
from tff_health.reporting.synthesis.gaps import Gap, gap
from tff_health.reporting.synthesis.membership_words import headline_sentence
from tff_health.reporting.synthesis.splits import scored_splits
from tff_health.reporting.synthesis.views import privacy_view
from tff_health.reporting.synthesis.worth import worth

QUESTION = "Are the synthetic images worth training on?"
_FEW_SEEDS = 5
# Pixels of a side up to which a radiologist could not read the images either.
_TINY = 128


@dataclass(frozen=True)
class AnswerRow:
    """A line of the table at the top.

    Attributes:
        title: what the classifier was trained on.
        note: in small print.
        chosen: whether it speaks for synthetic images.
        accuracy: on held-out real images.
        auc: likewise.
        gap: AUC against real images; None for themselves, or where it is not known.
    """

    title: str
    note: str
    chosen: bool
    accuracy: Metric
    auc: Metric
    gap: Gap | None


@dataclass(frozen=True)
class ImagesVerdict:
    """What one dataset says about its synthetic images.

    Attributes:
        dataset: its name.
        title: for people.
        kind: real or simulated patients.
        summary: the answer in a paragraph.
        rows: real images, the arm that speaks for synthetic ones, the best private arm at each epsilon.
        answers: question -> answer in words, in reading order.
        terms: what the epsilons in the answers rest on; empty without any.
    """

    dataset: str
    title: str
    kind: str
    summary: str
    rows: list[AnswerRow]
    answers: dict[str, str]
    terms: str


def images_verdicts(run: Run) -> list[ImagesVerdict]:
    """One verdict for each dataset with synthetic images, real patients first."""
    judged = privacy_view(run).results.datasets
    found = [
        _verdict(name, dataset, judged[name]) for name, dataset in run.results.datasets.items() if generators(dataset)
    ]
    return sorted(found, key=lambda verdict: verdict.kind != "real")


def _verdict(name: str, dataset: DatasetResult, judged: DatasetResult) -> ImagesVerdict:
    best = headline(dataset)
    arm = dataset.arms[best] if best else None
    budgets = image_budgets(dataset)
    answers = {
        "Worth training on?": " ".join(
            filter(None, (_utility(dataset, arm), *added_sentences(dataset), ablation_sentence(dataset)))
        ),
        "What does privacy cost?": image_cost(dataset, budgets) or _no_private(dataset),
        "Which private arm at which epsilon?": image_winners(dataset, budgets),
        "How like real images are they?": " ".join(
            filter(None, (likeness_sentence(dataset), collapse_sentence(dataset)))
        ),
        "What could an attacker learn?": " ".join(image_attacker_sentences(dataset, judged)),
    }
    return ImagesVerdict(
        name,
        dataset.title,
        dataset.kind,
        _summary(dataset, judged, arm, budgets),
        _rows(dataset, arm, budgets),
        {question: text for question, text in answers.items() if text},
        shared_terms(one for budget in budgets for one in budget.arms.values()),
    )


def _summary(dataset: DatasetResult, judged: DatasetResult, arm: Arm | None, budgets: list[Budget]) -> str:
    parts = [f"{dataset.title}: {_worth(dataset, arm)}"]
    if budgets:
        reached = [
            f"{number(one.auc.value)} at epsilon {one.epsilon} ({', '.join(filter(None, (one.title, one.splits)))})"
            for one in budgets
        ]
        parts.append(f"With a guarantee the best reach AUC {listing(reached)}.")
    parts.append(headline_sentence(dataset, judged, IMAGES))
    return " ".join(parts)


def _worth(dataset: DatasetResult, arm: Arm | None) -> str:
    who = speaking_label(speaking_classifier(dataset))
    if arm is None:
        return "every generator of images here has a privacy guarantee, and none without one stands beside them."
    accuracy, auc = (worth_metric(dataset, measure) for measure in ("accuracy", "auc"))
    gaps = {"accuracy": arm_gap(dataset, arm, accuracy), "AUC": arm_gap(dataset, arm, auc)}
    known = {label: one for label, one in gaps.items() if one is not None}
    reached = arm.metric(auc)
    if not known:
        text = f"AUC {interval(reached)}" if reached.value is not None else "no defined AUC"
        return f"trained on synthetic images {who} reaches {text}; it was not held against real images."
    words = [f"{label} {one.words}" for label, one in known.items()]
    return (
        f"{worth(known.values())} real images. {who[0].upper()}{who[1:]} trained on the images of {named(arm)} reaches "
        f"AUC {interval(reached)} on held-out real images, trained on real ones {interval(real_metric(dataset, auc))}; "
        f"synthetic minus real: {listing(words)}."
    )


def _rows(dataset: DatasetResult, arm: Arm | None, budgets: list[Budget]) -> list[AnswerRow]:
    names = [worth_metric(dataset, measure) for measure in ("accuracy", "auc")]
    real = [real_metric(dataset, name) for name in names]
    rows = [AnswerRow("Real images", "", False, real[0], real[1], None)]
    if arm is not None:
        title = named(arm) if is_private(arm) else f"{named(arm)}, no guarantee"
        made = [arm.metric(name) for name in names]
        rows.append(AnswerRow(title, fewer_seeds(dataset, arm), True, made[0], made[1], gap(made[1], real[1], SEED)))
    rows += [
        AnswerRow(f"Best at epsilon {one.epsilon}: {one.title}", one.splits, False, one.accuracy, one.auc, one.real_gap)
        for one in budgets
    ]
    return rows


def _utility(dataset: DatasetResult, arm: Arm | None) -> str:
    if arm is None:
        return "Every generator of images here has a privacy guarantee: see below."
    accuracy, auc = (worth_metric(dataset, measure) for measure in ("accuracy", "auc"))
    who = speaking_label(speaking_classifier(dataset))
    seeds = fewer_seeds(dataset, arm) or (plural(count, SEED) if (count := scored_splits(arm)) else "")
    reached = f"accuracy {interval(arm.metric(accuracy))} and AUC {interval(arm.metric(auc))}"
    over = f", over {seeds}" if seeds else ""
    text = (
        f"{who[0].upper()}{who[1:]} trained on the images of {named(arm)} has {reached} on held-out real images{over}"
    )
    real = real_metric(dataset, auc)
    if real.value is not None:
        text += f"; trained on real images {interval(real_metric(dataset, accuracy))} and {interval(real)}"
    gaps = {"accuracy": arm_gap(dataset, arm, accuracy), "AUC": arm_gap(dataset, arm, auc)}
    known = [f"{label} {one.words}" for label, one in gaps.items() if one is not None]
    text += f". Synthetic minus real: {listing(known)}" if known else ""
    return " ".join(filter(None, (f"{text}.", other_classifiers_sentence(dataset, arm))))


def _no_private(dataset: DatasetResult) -> str:
    if private_generators(dataset):
        return "No arm without a guarantee stands beside the private ones, so the cost is not known."
    return "No generator has a privacy guarantee in this run, so what one would cost is not known."


def images_caveats(run: Run) -> list[str]:
    """What a reader must know before quoting the answer on synthetic images."""
    lines: list[str] = []
    datasets = [one for one in run.results.datasets.values() if all_image_arms(one)]
    for dataset in datasets:
        lines += [f"{dataset.title}: {line}." for line in (*_image_caveats(dataset), *_seed_caveats(dataset))]
        if any(len(one.compared) > 1 for one in image_budgets(dataset)):
            lines.append(
                f"{dataset.title}: the best private arm at an epsilon is read off the held-out images, which flatters "
                "it a little where several come close."
            )
    arms = [arm for dataset in datasets for arm in all_image_arms(dataset).values()]
    if any(arm.metric("fd_clf/value").value is not None for arm in arms):
        lines.append(
            "FD-clf is measured on the features of a small classifier of our own: it ranks the arms of this run and "
            "must not be set beside published Fréchet inception distances (FID)."
        )
    weak = [
        named(arm) for one in datasets for arm in private_generators(one).values() if epsilon_of(arm) > WEAK_EPSILON
    ]
    if weak:
        lines.append(f"An epsilon above {WEAK_EPSILON:g} promises little in the worst case: {listing(weak)}.")
    if any(secure_aggregation(arm) == NOT_SECURE for arm in arms):
        lines.append(
            "Secure aggregation is simulated for generators of images: sums are computed in the clear. NOT SECURE."
        )
    if arms:
        lines.append(
            "No guarantee covers this report itself: scores, distances, attacks and the real images that it shows come "
            "from patients' images without noise, and generators without a guarantee promise nothing."
            if any(dataset.kind == "real" for dataset in datasets)
            else "Generators without a guarantee promise nothing, however unlike their training images theirs look."
        )
    return lines


def _image_caveats(dataset: DatasetResult) -> list[str]:
    lines = []
    if dataset.kind == "simulated":
        lines.append("the images are phantoms drawn by a program, which say nothing about patients")
    size = dataset.images.size if dataset.images else 0
    if 0 < size <= _TINY:
        lines.append(
            f"images have {size} x {size} pixels, far fewer than a radiologist reads; what holds here need not hold at "
            "full size"
        )
    if "PneumoniaMNIST" in dataset.source:
        lines.append(
            "PneumoniaMNIST does not tell patients, so a patient is an image here: a guarantee protects single images, "
            "and images of one child may stand among training and held-out ones"
        )
    return lines


def _seed_caveats(dataset: DatasetResult) -> list[str]:
    """What the number of generators leaves open."""
    seeds = dataset_seeds(dataset)
    if seeds == 0:
        return []
    if seeds == 1:
        return [
            "one seed, so one generator of each arm: intervals are over its images or the held-out ones, and say "
            "nothing of how another training would turn out"
        ]
    lines = [f"{seeds} seeds only; intervals over so few are wide"] if seeds < _FEW_SEEDS else []
    fewer: dict[str, list[str]] = {}
    for name, arm in all_image_arms(dataset).items():
        if (words := fewer_seeds(dataset, arm)) and "/" not in name:
            fewer.setdefault(words, []).append(named(arm))
    lines += [f"scored under {words} only: {listing(titles)}" for words, titles in fewer.items()]
    if dataset.kind == "real":
        lines.append(
            "all seeds share their training and held-out images, so intervals over seeds speak of other trainings on "
            "these images and not of other patients"
        )
    return lines
