"""What an attacker could learn from synthetic patients, in words that name the bad results first."""

from __future__ import annotations

from tff_health.reporting.formatting import interval, listing, number, percent, plural, some
from tff_health.reporting.guarantee import named
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.anonymity_rules import quasi_identifier_words
from tff_health.reporting.synthesis.arms import arms_for, headline, real_metric
from tff_health.reporting.synthesis.membership_words import ROWS, Wording, membership_sentence

COPIES = "exact_copies"
NEARER = "dcr_share"
RISKS = {
    "singling_out/risk": "singling out",
    "singling_out_univariate/risk": "singling out by one column",
    "linkability/risk": "linking",
    "inference/risk": "inferring an attribute",
}
_IDEAL_SHARE = 0.5


def attacker_sentences(dataset: DatasetResult, judged: DatasetResult) -> list[str]:
    """All of what attacks found, membership first; the arguments are those of `membership_sentence`."""
    found = (
        membership_sentence(dataset, judged),
        copies_sentence(dataset),
        risks_sentence(dataset),
        anonymity_sentence(dataset, headline(dataset)),
    )
    return [line for line in found if line]


def copies_sentence(dataset: DatasetResult, wording: Wording = ROWS, measures: str = "disclosure") -> str:
    """Whether rows are copied, or lie nearer to training patients than to strangers; empty where nobody looked.

    Args:
        dataset: with its arms.
        wording: of the section.
        measures: first part of the metrics' names.
    """
    arms, unit = wording.arms(dataset), wording.unit
    copies = f"{measures}/{COPIES}"
    parts = []
    counted = {named(arm): metric for arm in arms.values() if (metric := arm.metric(copies)).value is not None}
    if counted:
        copied = [
            f"{named(arm)} {percent(metric.value, 1)}{_strangers(arm, copies, wording)}"
            for arm in arms.values()
            if (metric := arm.metric(copies)).value
        ]
        parts.append(
            f"exact copies of training {unit}s: {some(copied)}"
            if copied
            else f"no synthetic {unit} of {plural(len(counted), wording.maker)} is an exact copy of a training {unit}"
        )
    nearer = {
        named(arm): metric for arm in arms.values() if (metric := arm.metric(f"{measures}/{NEARER}")).value is not None
    }
    if nearer:
        close = [
            f"{title} {interval(metric)}"
            for title, metric in nearer.items()
            if metric.low is not None and metric.low > _IDEAL_SHARE
        ]
        parts.append(
            f"more {unit}s than chance allows lie nearer to training than to held-out {wording.held_out} (0.5 ideal): "
            f"{some(close)}"
            if close
            else f"they lie no nearer to training than to held-out {wording.held_out}, by the interval (0.5 ideal; "
            f"highest {_highest(nearer)})"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def risks_sentence(dataset: DatasetResult) -> str:
    """Attribute risks beyond what strangers are exposed to; empty where nobody looked."""
    arms = arms_for(dataset, "synthesiser")
    parts = []
    for name, label in RISKS.items():
        known = {named(arm): metric for arm in arms.values() if (metric := arm.metric(name)).value is not None}
        if not known:
            continue
        clear = [f"{title} {interval(metric)}" for title, metric in known.items() if (metric.low or 0.0) > 0]
        parts.append(
            f"{label} succeeds beyond its control on {some(clear)}"
            if clear
            else f"{label} does no better than against strangers (highest {_highest(known)})"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def anonymity_sentence(dataset: DatasetResult, best: str | None) -> str:
    """k of the real and of one synthetic table, with a warning against reading it as a guarantee; empty for none."""
    real = real_metric(dataset, "anonymity/k")
    ours = dataset.arms[best].metric("anonymity/k") if best else Metric()
    if real.value is None and ours.value is None:
        return ""
    columns = listing(quasi_identifier_words(dataset))
    text = f"Over {columns or 'the quasi-identifiers'}, k is {_whole(real)} in the real table"
    if best and ours.value is not None:
        text += f" and {_whole(ours)} in that of {named(dataset.arms[best])}"
    return (
        f"{text}. In a synthetic table k counts rows that stand for nobody: a small k there is no disclosure by "
        "itself, a large one no protection."
    )


def _whole(metric: Metric) -> str:
    value = metric.value
    return number(value, 0 if value is not None and value == round(value) else 1)


def _strangers(arm: Arm, copies: str, wording: Wording) -> str:
    """How many held-out patients equal a training row, which no generator can be blamed for."""
    value = arm.metric(f"{copies}_holdout").value
    return (
        ""
        if value is None
        else f" (held-out {wording.held_out} equal to a training {wording.unit}: {percent(value, 1)})"
    )


def _highest(metrics: dict[str, Metric]) -> str:
    title = max(metrics, key=lambda one: metrics[one].value or 0.0)
    return f"{interval(metrics[title])}, {title}"
