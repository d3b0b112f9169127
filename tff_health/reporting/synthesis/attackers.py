"""What an attacker could learn from synthetic patients, in words that name the bad results first."""

from __future__ import annotations

from tff_health.reporting.formatting import interval, listing, number, percent, plural
from tff_health.reporting.membership_findings import attack_label, controls, outcome
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import arms_for, headline, real_metric

COPIES = "disclosure/exact_copies"
NEARER = "disclosure/dcr_share"
RISKS = {
    "singling_out/risk": "singling out",
    "linkability/risk": "linking",
    "inference/risk": "inferring an attribute",
}
_IDEAL_SHARE = 0.5
_NAMED = 3


def strongest_attack(arm: Arm) -> tuple[str, MembershipAttack] | None:
    """The attack of highest AUC, which is the one that an attacker would use; None where none was run."""
    run = {name: attack for name, attack in arm.membership.items() if attack.auc.value is not None}
    if not run:
        return None
    name = max(run, key=lambda one: run[one].auc.value or 0.0)
    return name, run[name]


def attacker_sentences(dataset: DatasetResult, judged: DatasetResult) -> list[str]:
    """All of what attacks found, membership first; the arguments are those of `membership_sentence`."""
    found = (
        membership_sentence(dataset, judged),
        copies_sentence(dataset),
        risks_sentence(dataset),
        anonymity_sentence(dataset, headline(dataset)),
    )
    return [line for line in found if line]


def headline_sentence(dataset: DatasetResult, judged: DatasetResult) -> str:
    """What attacks found, in one sentence; the arguments are those of `membership_sentence`."""
    strongest = [found[1].auc for arm in arms_for(dataset, "synthesiser").values() if (found := strongest_attack(arm))]
    if not strongest:
        return "Whether training patients can be told from the synthetic rows was not tried."
    overfitted = [control for control in controls(judged) if not control.untrained]
    seen = sum(outcome(auc) == "above" for auc in strongest)
    highest = max(strongest, key=lambda auc: auc.value or 0.0)
    if seen:
        text = (
            f"An attacker can tell training patients from others on {seen} of {plural(len(strongest), 'synthesiser')}"
        )
    elif any(control.passed for control in overfitted):
        text = "An attack that finds the patients of an overfitted generator tells nobody from the synthetic rows"
    else:
        text = "No attack tells training patients from others, but none was shown to work"
    return f"{text} (highest membership AUC {interval(highest)})."


def membership_sentence(dataset: DatasetResult, judged: DatasetResult) -> str:
    """Whether any attack finds training patients, and whether its control lets silence count.

    Args:
        dataset: as recorded.
        judged: the same as `views.privacy_view` has it, with the overfitted generators among the controls.
    """
    attacked = {name: arm for name, arm in arms_for(dataset, "synthesiser").items() if strongest_attack(arm)}
    if not attacked:
        return "No membership attack was run: what the synthetic rows give away about who was trained on is unknown."
    strongest = {name: found for name, arm in attacked.items() if (found := strongest_attack(arm))}
    seen = [name for name, (_, attack) in strongest.items() if outcome(attack.auc) == "above"]
    unknown = [name for name, (_, attack) in strongest.items() if outcome(attack.auc) == "unknown"]
    top = max(strongest, key=lambda name: strongest[name][1].auc.value or 0.0)
    text = "Membership inference from the synthetic rows"
    if seen:
        which = [
            f"{attacked[name].title} ({attack_label(strongest[name][0])}, AUC {interval(strongest[name][1].auc)})"
            for name in seen
        ]
        text += f" is above guessing on {len(seen)} of {plural(len(attacked), 'synthesiser')}: {some(which)}"
    elif unknown:
        text += f" has no interval on {len(unknown)} of {plural(len(attacked), 'synthesiser')}, so nothing follows"
    else:
        attack, highest = strongest[top]
        several = f"any of {len(attacked)} synthesisers" if len(attacked) > 1 else attacked[top].title
        text += (
            f" is not above guessing on {several}; the highest AUC is {interval(highest.auc)} ({attack_label(attack)}, "
            f"{attacked[top].title})"
        )
    return f"{text}. {control_sentence(judged)}"


def control_sentence(judged: DatasetResult) -> str:
    """Whether a generator that learnt its patients by heart was found out."""
    overfitted = [control for control in controls(judged) if not control.untrained]
    if not overfitted:
        return "The attack has no overfitted control here, so that it finds nothing would prove nothing."
    best = max(overfitted, key=lambda control: control.attack.auc.value or 0.0)
    found = interval(best.attack.auc)
    if any(control.passed for control in overfitted):
        return f"The control, a generator overfitted on purpose, is detected: AUC {found}."
    return f"The control, a generator overfitted on purpose, is NOT DETECTED (AUC {found}): silence proves nothing."


def copies_sentence(dataset: DatasetResult) -> str:
    """Whether rows are copied, or lie nearer to training patients than to strangers; empty where nobody looked."""
    arms = arms_for(dataset, "synthesiser")
    parts = []
    counted = {arm.title: metric for arm in arms.values() if (metric := arm.metric(COPIES)).value is not None}
    if counted:
        copied = [
            f"{arm.title} {percent(metric.value, 1)}{_strangers(arm)}"
            for arm in arms.values()
            if (metric := arm.metric(COPIES)).value
        ]
        parts.append(
            f"exact copies of training rows: {some(copied)}"
            if copied
            else f"no synthetic row of {plural(len(counted), 'synthesiser')} is an exact copy of a training row"
        )
    nearer = {arm.title: metric for arm in arms.values() if (metric := arm.metric(NEARER)).value is not None}
    if nearer:
        close = [
            f"{title} {interval(metric)}"
            for title, metric in nearer.items()
            if metric.low is not None and metric.low > _IDEAL_SHARE
        ]
        parts.append(
            f"more rows than chance allows lie nearer to training than to held-out patients (0.5 ideal): {some(close)}"
            if close
            else f"they lie no nearer to training than to held-out patients, by the interval (0.5 ideal; highest "
            f"{_highest(nearer)})"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def risks_sentence(dataset: DatasetResult) -> str:
    """Attribute risks beyond what strangers are exposed to; empty where nobody looked."""
    arms = arms_for(dataset, "synthesiser")
    parts = []
    for name, label in RISKS.items():
        known = {arm.title: metric for arm in arms.values() if (metric := arm.metric(name)).value is not None}
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
    columns = listing(dataset.synthesis.quasi_identifiers) if dataset.synthesis else ""
    text = f"Over {columns or 'the quasi-identifiers'}, k is {_whole(real)} in the real table"
    if best and ours.value is not None:
        text += f" and {_whole(ours)} in that of {dataset.arms[best].title}"
    return (
        f"{text}. In a synthetic table k counts rows that stand for nobody: a small k there is no disclosure by "
        "itself, a large one no protection."
    )


def _whole(metric: Metric) -> str:
    value = metric.value
    return number(value, 0 if value is not None and value == round(value) else 1)


def _strangers(arm: Arm) -> str:
    """How many held-out patients equal a training row, which no generator can be blamed for."""
    value = arm.metric(f"{COPIES}_holdout").value
    return "" if value is None else f" (held-out patients who equal a training row: {percent(value, 1)})"


def some(words: list[str]) -> str:
    """`a, b, c and 4 more`: what a sentence can carry, the tables having the rest."""
    if len(words) <= _NAMED + 1:
        return listing(words)
    return f"{', '.join(words[:_NAMED])} and {len(words) - _NAMED} more"


def _highest(metrics: dict[str, Metric]) -> str:
    title = max(metrics, key=lambda one: metrics[one].value or 0.0)
    return f"{interval(metrics[title])}, {title}"
