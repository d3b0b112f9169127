"""What an attacker could learn from synthetic patients, in words that name the bad results first."""

from __future__ import annotations

from tff_health.reporting.formatting import interval, listing, number, percent, plural
from tff_health.reporting.membership_findings import attack_label, controls, headline_attack, outcome
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


def speaking_attack(arm: Arm) -> tuple[str, MembershipAttack] | None:
    """The attack that speaks for an arm, fixed beforehand: the largest of several flatters the attacker."""
    name = headline_attack({name: attack for name, attack in arm.membership.items() if attack.auc.value is not None})
    return (name, arm.membership[name]) if name else None


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
    aucs = [found[1].auc for arm in arms_for(dataset, "synthesiser").values() if (found := speaking_attack(arm))]
    if not aucs:
        return "Whether training patients can be told from the synthetic rows was not tried."
    overfitted = [control for control in controls(judged) if not control.untrained]
    seen = sum(outcome(auc) == "above" for auc in aucs)
    highest = max(aucs, key=lambda auc: auc.value or 0.0)
    if seen:
        text = f"An attacker can tell training patients from others on {seen} of {plural(len(aucs), 'synthesiser')}"
    elif any(control.passed for control in overfitted):
        text = "An attack that finds an overfitted generator's patients is not above guessing on these synthetic rows"
    else:
        text = "No attack tells training patients from others, but none was shown to work"
    return f"{text} (highest membership AUC {interval(highest)})."


def membership_sentence(dataset: DatasetResult, judged: DatasetResult) -> str:
    """Whether the attack finds training patients, what the other attacks find, and whether silence counts.

    Args:
        dataset: as recorded.
        judged: the same as `views.privacy_view` has it, with the overfitted generators among the controls.
    """
    arms = arms_for(dataset, "synthesiser")
    found = {name: one for name, arm in arms.items() if (one := speaking_attack(arm))}
    if not found:
        return "No membership attack was run: what the synthetic rows give away about who was trained on is unknown."
    labels = listing(list(dict.fromkeys(attack_label(name) for name, _ in found.values())))
    count = plural(len(found), "synthesiser")
    seen = [f"{arms[name].title}, AUC {interval(one.auc)}" for name, (_, one) in found.items() if _above(one)]
    unknown = sum(outcome(one.auc) == "unknown" for _, one in found.values())
    top = max(found, key=lambda name: found[name][1].auc.value or 0.0)
    text = f"Membership inference from the synthetic rows ({labels})"
    if seen:
        text += f" is above guessing on {len(seen)} of {count}: {some(seen)}"
    elif unknown:
        text += f" has no interval on {unknown} of {count}, so nothing follows"
    else:
        several = f"any of {count}" if len(found) > 1 else arms[top].title
        text += f" is not above guessing on {several}; the highest AUC is {interval(found[top][1].auc)}"
        text += f" ({arms[top].title})" if len(found) > 1 else ""
    others = [
        (name, attack)
        for arm, (speaking, _) in found.items()
        for name, attack in arms[arm].membership.items()
        if name != speaking and attack.auc.value is not None
    ]
    if others:
        name, strongest = max(others, key=lambda item: item[1].auc.value or 0.0)
        above = sum(_above(attack) for _, attack in others)
        text += (
            f". Of {plural(len(others), 'further attack')} {above} lie above guessing, one in forty of which would by "
            f"chance; the highest AUC is {interval(strongest.auc)} ({attack_label(name)})"
        )
    return f"{text}. {control_sentence(judged)}"


def _above(attack: MembershipAttack) -> bool:
    return outcome(attack.auc) == "above"


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
