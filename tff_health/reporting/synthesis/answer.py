"""Are the synthetic patients worth training on? The sentences at the top of the report, computed from the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import interval, listing, number, plural
from tff_health.reporting.guarantee import NOT_SECURE, epsilon_of, named, secure_aggregation, shared_terms
from tff_health.reporting.privacy_cost import WEAK_EPSILON
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    arms_for,
    headline,
    plain_synthesisers,
    private_synthesisers,
    ranked,
    real_metric,
)
from tff_health.reporting.synthesis.attackers import attacker_sentences
from tff_health.reporting.synthesis.budgets import Budget, budgets, cost_sentence, gan_sentence, winners_sentence
from tff_health.reporting.synthesis.gaps import Gap, split_gap
from tff_health.reporting.synthesis.membership_words import headline_sentence
from tff_health.reporting.synthesis.ranking import left_out_sentence
from tff_health.reporting.synthesis.splits import dataset_splits, fewer_splits, scored_splits, sharing_sentence
from tff_health.reporting.synthesis.table_1 import classifier_names
from tff_health.reporting.synthesis.utility import worst_classifier
from tff_health.reporting.synthesis.views import privacy_view
from tff_health.reporting.synthesis.worth import worth

QUESTION = "Are the synthetic patients worth training on?"
_FEW_SPLITS = 5


@dataclass(frozen=True)
class SynthesisVerdict:
    """What one dataset says about its synthetic patients.

    Attributes:
        dataset: its name.
        title: for people.
        kind: real or simulated patients.
        arm: the arm without a guarantee that speaks for synthesis; None where there is none.
        real: mean AUC of classifiers trained on real rows.
        auc: the same on that arm's rows.
        gap: the difference, paired by split.
        accuracy_gap: the same of mean accuracy.
        attacker: what attacks found, in a sentence.
        budgets: the best synthesiser at each epsilon.
        answers: question -> answer in words, in reading order.
        terms: what the epsilons in the answers rest on; empty without any.
    """

    dataset: str
    title: str
    kind: str
    arm: Arm | None
    real: Metric
    auc: Metric
    gap: Gap | None
    accuracy_gap: Gap | None
    attacker: str
    budgets: list[Budget]
    answers: dict[str, str]
    terms: str


def synthesis_verdicts(run: Run) -> list[SynthesisVerdict]:
    """One verdict for each dataset with synthetic patients, real patients first."""
    judged = privacy_view(run).results.datasets
    found = [
        _verdict(name, dataset, judged[name])
        for name, dataset in run.results.datasets.items()
        if arms_for(dataset, "synthesiser")
    ]
    return sorted(found, key=lambda verdict: verdict.kind != "real")


def synthesis_summary(found: list[SynthesisVerdict]) -> list[str]:
    """The answer in a paragraph for each dataset; empty without any."""
    paragraphs = []
    for verdict in found:
        parts = [f"{verdict.title}: {_worth(verdict)}"]
        if verdict.budgets:
            best = [
                f"{number(one.auc.value)} at epsilon {one.epsilon} ({', '.join(filter(None, (one.title, one.splits)))})"
                for one in verdict.budgets
            ]
            parts.append(f"With a guarantee the best reach AUC {listing(best)}.")
        parts.append(verdict.attacker)
        paragraphs.append(" ".join(filter(None, parts)))
    return paragraphs


def _worth(verdict: SynthesisVerdict) -> str:
    known = [gap_ for gap_ in (verdict.accuracy_gap, verdict.gap) if gap_ is not None]
    if verdict.arm is None or not known:
        reached = f"mean AUC {interval(verdict.auc)}" if verdict.auc.value is not None else "no defined AUC"
        return f"classifiers trained on synthetic patients reach {reached}; they were not held against real rows."
    gaps = [f"{label} {one.words}" for label, one in (("accuracy", verdict.accuracy_gap), ("AUC", verdict.gap)) if one]
    return (
        f"{worth(known)} real rows. Synthetic minus real on held-out patients, classifiers trained on the rows of "
        f"{named(verdict.arm)}: {listing(gaps)}."
    )


def _verdict(name: str, dataset: DatasetResult, judged: DatasetResult) -> SynthesisVerdict:
    best = headline(dataset)
    arm = dataset.arms[best] if best else None
    real = real_metric(dataset, MEAN_AUC)
    auc = arm.metric(MEAN_AUC) if arm else Metric()
    found = budgets(dataset)
    answers = {
        "Worth training on?": " ".join(filter(None, (_utility(dataset, arm), _rivals(dataset, best)))),
        "What does privacy cost?": cost_sentence(dataset, found) or _no_private(dataset),
        "Which synthesiser at which epsilon?": " ".join(filter(None, (winners_sentence(found), gan_sentence(found)))),
        "What could an attacker learn?": " ".join(attacker_sentences(dataset, judged)),
    }
    return SynthesisVerdict(
        name,
        dataset.title,
        dataset.kind,
        arm,
        real,
        auc,
        split_gap(dataset, auc, real),
        split_gap(dataset, arm.metric(MEAN_ACCURACY), real_metric(dataset, MEAN_ACCURACY)) if arm else None,
        headline_sentence(dataset, judged),
        found,
        {question: text for question, text in answers.items() if text},
        shared_terms(one for budget in found for one in budget.arms.values()),
    )


def _no_private(dataset: DatasetResult) -> str:
    if private_synthesisers(dataset):
        return "No arm without a guarantee stands beside the private ones, so the cost is not known."
    return "No synthesiser has a privacy guarantee in this run, so what one would cost is not known."


def _utility(dataset: DatasetResult, arm: Arm | None) -> str:
    if arm is None:
        return "Every synthesiser here has a privacy guarantee: see below."
    real = {name: real_metric(dataset, name) for name in (MEAN_ACCURACY, MEAN_AUC)}
    names = classifier_names(dataset)
    over = f", mean of {plural(len(names), 'classifier')}" if names else ""
    splits = fewer_splits(dataset, arm) or (plural(count, "split") if (count := scored_splits(arm)) else "")
    over += f"{' and' if names else ', over'} {splits}" if splits else ""
    text = (
        f"{named(arm)} gives accuracy {interval(arm.metric(MEAN_ACCURACY))} and AUC {interval(arm.metric(MEAN_AUC))} "
        f"on held-out real patients{over}"
    )
    if real[MEAN_AUC].value is not None or real[MEAN_ACCURACY].value is not None:
        text += f"; real rows give {interval(real[MEAN_ACCURACY])} and {interval(real[MEAN_AUC])}"
        gaps = {
            label: split_gap(dataset, arm.metric(name), real[name])
            for label, name in (("accuracy", MEAN_ACCURACY), ("AUC", MEAN_AUC))
        }
        known = [f"{label} {one.words}" for label, one in gaps.items() if one is not None]
        text += f". Synthetic minus real: {listing(known)}" if known else ""
    worst = worst_classifier(dataset, arm)
    if worst is not None:
        verb = "loses most" if worst[1].value < 0 else "gains least"
        text += f"; {worst[0]} {verb}, {worst[1].words} in accuracy"
    return f"{text}."


def _rivals(dataset: DatasetResult, best: str | None) -> str:
    """The synthesiser without a guarantee that did best, where that is another one."""
    plain = plain_synthesisers(dataset)
    found = ranked(plain)
    if best is None or found is None or len(plain) < 2:
        return ""
    left_out = left_out_sentence({plain[name].title: count for name, count in found.left_out.items()})
    if found.best == best:
        return left_out
    arm, metric = plain[found.best], plain[found.best].metric(MEAN_AUC)
    beside = split_gap(dataset, metric, dataset.arms[best].metric(MEAN_AUC))
    words = f", {beside.words} against {named(dataset.arms[best])}" if beside else ""
    shared = f" on the {plural(found.shared, 'split')} they share" if found.shared else ""
    own = fewer_splits(dataset, arm)
    text = (
        f"The highest mean AUC without a guarantee, of {len(found.compared)}{shared}, is that of {arm.title}, "
        f"{interval(metric)}{f' over {own}' if own else ''}{words}."
    )
    return f"{text} {left_out}".rstrip()


def synthesis_caveats(run: Run) -> list[str]:
    """What a reader must know before quoting the answer on synthetic patients."""
    lines: list[str] = []
    datasets = {name: one for name, one in run.results.datasets.items() if arms_for(one, "synthesiser")}
    for dataset in datasets.values():
        lines += [f"{dataset.title}: {line}." for line in _split_caveats(dataset)]
        if any(len(one.arms) > 1 for one in budgets(dataset)):
            lines.append(
                f"{dataset.title}: the best synthesiser at an epsilon is read off the held-out patients, which "
                "flatters it a little where several come close."
            )
    arms = [arm for dataset in datasets.values() for arm in dataset.arms.values() if arm.synthesis is not None]
    weak = [named(arm) for dataset in datasets.values() for arm in private_synthesisers(dataset).values() if _weak(arm)]
    if weak:
        lines.append(f"An epsilon above {WEAK_EPSILON:g} promises little in the worst case: {listing(weak)}.")
    if any(secure_aggregation(arm) == NOT_SECURE for arm in arms):
        lines.append("Secure aggregation is simulated for synthesisers: sums are computed in the clear. NOT SECURE.")
    if arms:
        lines.append(
            "No guarantee covers this report itself: real distributions, scores and attacks come from patients' rows "
            "without noise, and synthesisers without a guarantee promise nothing."
        )
    return lines


def _split_caveats(dataset: DatasetResult) -> list[str]:
    """What the number of splits, and what they share, leave open."""
    splits = dataset_splits(dataset)
    if splits == 0:
        return []
    if splits == 1:
        return ["1 split only; one split has no interval over splits"]
    lines = [f"{splits} splits only; intervals over so few are wide"] if splits < _FEW_SPLITS else []
    fewer: dict[str, list[str]] = {}
    for name, arm in dataset.arms.items():
        if (words := fewer_splits(dataset, arm)) and "/" not in name:
            fewer.setdefault(words, []).append(named(arm))
    lines += [f"scored in {words} only: {listing(titles)}" for words, titles in fewer.items()]
    return [*lines, sharing_sentence(dataset.kind, dataset.licence)]


def _weak(arm: Arm) -> bool:
    return epsilon_of(arm) > WEAK_EPSILON
