"""What membership inference found, in words about the very attack whose control came out, or did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tff_health.reporting.formatting import interval, listing, plural, some
from tff_health.reporting.guarantee import named
from tff_health.reporting.membership_findings import (
    ATTACK_LABELS,
    attack_label,
    attack_names,
    controls,
    headline_attack,
    headline_control,
    outcome,
)
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import arms_for

SMALL_ADVANTAGE = 0.55
"""The AUC of an attacker with a small advantage: only an interval that ends below it shows that there is none worth
the name. One that holds both 0.5 and this shows nothing either way."""

Finding = Literal["above", "undecided", "guessing", "unknown"]


@dataclass(frozen=True)
class Wording:
    """What is attacked, in the words of its section.

    Attributes:
        arms: those that are attacked, of a dataset.
        maker: what an arm is, in the singular.
        made: what it makes, in the plural.
        unit: one of those, and of what was trained on.
        held_out: what was not trained on, in the plural.
        doubt: what an interval has that shows nothing either way.
    """

    arms: Callable[[DatasetResult], dict[str, Arm]]
    maker: str
    made: str
    unit: str
    held_out: str
    doubt: str


ROWS = Wording(
    lambda dataset: arms_for(dataset, "synthesiser"),
    maker="synthesiser",
    made="synthetic rows",
    unit="row",
    held_out="patients",
    doubt="too few splits to tell",
)


@dataclass(frozen=True)
class _Attacked:
    """One attack on all the synthesisers for which it speaks.

    Attributes:
        name: of the attack.
        arms: title -> AUC.
    """

    name: str
    arms: dict[str, Metric]

    @property
    def title(self) -> str:
        """`The density-ratio attack`."""
        return attack_title(self.name)

    def those(self, finding: Finding) -> dict[str, Metric]:
        return {title: auc for title, auc in self.arms.items() if judge(auc) == finding}

    @property
    def highest(self) -> str:
        """Title of the arm with the highest AUC."""
        return max(self.arms, key=lambda title: self.arms[title].value or 0.0)


def judge(auc: Metric) -> Finding:
    """What an attack's interval shows: `undecided` where it holds guessing and a small advantage too.

    Two splits whose values happen to lie near each other have a narrow interval that shows nothing.
    """
    found = outcome(auc)
    if found == "above" and sum(seed is not None for seed in auc.seeds or ()) == 2:
        return "undecided"
    if found in ("above", "unknown"):
        return "above" if found == "above" else "unknown"
    return "undecided" if auc.high is not None and auc.high > SMALL_ADVANTAGE else "guessing"


def attack_title(name: str) -> str:
    """`density-ratio` -> `The density-ratio attack`."""
    label = attack_label(name)
    return f"The {label.replace(' ', '-') if label.count(' ') == 1 else label} attack"


def speaking_attack(arm: Arm) -> tuple[str, MembershipAttack] | None:
    """The attack that speaks for an arm, fixed beforehand: the largest of several flatters the attacker."""
    name = headline_attack({name: attack for name, attack in arm.membership.items() if attack.auc.value is not None})
    return (name, arm.membership[name]) if name else None


def headline_sentence(dataset: DatasetResult, judged: DatasetResult, wording: Wording = ROWS) -> str:
    """What the speaking attack found, in one sentence; the arguments are those of `membership_sentence`."""
    found = _speaking(wording.arms(dataset))
    if not found:
        return f"Whether training patients can be told from the {wording.made} was not tried."
    lead = found[0]
    above, undecided, unknown = (lead.those(kind) for kind in ("above", "undecided", "unknown"))
    of = plural(len(lead.arms), wording.maker)
    control = _control(judged, lead.name)
    works = control is not None and _detected(judged, control)
    if above:
        text = f"{lead.title} tells training patients from others on {len(above)} of {of}"
    elif unknown:
        text = f"{lead.title} has no interval on {len(unknown)} of {of}, so nothing follows"
    elif undecided:
        text = f"Whether {_lower(lead.title)} tells training patients from others is open on {len(undecided)} of {of}: "
        text += wording.doubt
    else:
        text = f"{lead.title} is not above guessing on these {wording.made}"
    if not above and not unknown:
        text += ", though it finds an overfitted generator's patients" if works else ", and it was not shown to work"
    text += f" (highest membership AUC {interval(lead.arms[lead.highest])})"
    others = _others_above(wording.arms(dataset))
    if others:
        text += f"; above guessing with other attacks: {some(others)}"
    return f"{text}."


def membership_sentence(dataset: DatasetResult, judged: DatasetResult, wording: Wording = ROWS) -> str:
    """Whether the attack finds training patients, what the other attacks find, and whether silence counts.

    Args:
        dataset: as recorded.
        judged: the same as `views.privacy_view` has it, with the overfitted generators among the controls.
        wording: of its section.
    """
    found = _speaking(wording.arms(dataset))
    if not found:
        return f"No membership attack was run: what the {wording.made} give away about who was trained on is unknown."
    parts = [f"{_findings(attacked, wording)}. {control_sentence(judged, attacked.name)}" for attacked in found]
    return " ".join([*parts, *filter(None, [_others_sentence(judged, wording, wording.arms(dataset))])])


def control_sentence(judged: DatasetResult, attack: str) -> str:
    """Whether this very attack found out a generator that learnt its patients by heart."""
    control = _control(judged, attack)
    if control is None:
        return "This attack has no overfitted control here, so that it finds nothing would prove nothing."
    auc = interval(control.auc)
    if _detected(judged, control):
        return f"Its control, a generator overfitted on purpose, is detected: AUC {auc}."
    return f"Its control, a generator overfitted on purpose, is NOT DETECTED (AUC {auc}): silence proves nothing."


def _findings(attacked: _Attacked, wording: Wording) -> str:
    """What one attack found on the synthesisers for which it speaks, the bad results first."""
    count = plural(len(attacked.arms), wording.maker)
    parts = []
    above, undecided, unknown, quiet = (attacked.those(kind) for kind in ("above", "undecided", "unknown", "guessing"))
    if above:
        parts.append(f"is above guessing on {len(above)} of {count}: {some(_figures(above))}")
    if undecided:
        wide = f"where its interval reaches from guessing beyond {SMALL_ADVANTAGE:g}"
        where = f"{len(undecided)} of {count}, {wide}"
        parts.append(f"has {wording.doubt} on {where}: {some(_figures(undecided))}")
    if unknown:
        parts.append(f"has no interval on {len(unknown)} of {count}, so nothing follows")
    if quiet:
        everywhere = len(quiet) == len(attacked.arms)
        where = f"any of {count}" if everywhere and len(quiet) > 1 else f"{len(quiet)} of {count}"
        where = next(iter(quiet)) if everywhere and len(quiet) == 1 else where
        top = max(quiet, key=lambda title: quiet[title].value or 0.0)
        text = f"is not above guessing on {where}; the highest AUC is {interval(quiet[top])}"
        parts.append(text + (f" ({top})" if len(quiet) > 1 else ""))
    return f"{attacked.title} on the {wording.made} {'; it '.join(parts)}"


def _others_sentence(judged: DatasetResult, wording: Wording, arms: dict[str, Arm]) -> str:
    """What the attacks that do not speak for an arm found, each that is above guessing by name; empty without any."""
    others = _others(arms)
    if not others:
        return ""
    title, name, strongest = max(others, key=lambda item: item[2].auc.value or 0.0)
    above = _others_above(arms)
    text = (
        f"Of {plural(len(others), 'further attack')} {len(above)} lie above guessing, one in forty of which would by "
        f"chance"
    )
    text += f": {some(above)}" if above else ""
    text += f"; the highest AUC is {interval(strongest.auc)} ({attack_label(name)}, {title})"
    undecided = sum(judge(attack.auc) == "undecided" for _, _, attack in others)
    text += f"; {undecided} of them {'has' if undecided == 1 else 'have'} {wording.doubt}" if undecided else ""
    names = dict.fromkeys(name for _, name, _ in others)
    silent = [
        attack_label(one)
        for one in names
        if (control := _control(judged, one)) is None or not _detected(judged, control)
    ]
    text += f"; without a control that was detected: {listing(silent)}" if silent else ""
    return f"{text}."


def _speaking(arms: dict[str, Arm]) -> list[_Attacked]:
    """The arms by the attack that speaks for them, the strongest attack first."""
    found: dict[str, dict[str, Metric]] = {}
    for arm in arms.values():
        if one := speaking_attack(arm):
            found.setdefault(one[0], {})[named(arm)] = one[1].auc
    order = list(ATTACK_LABELS)
    ordered = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    return [_Attacked(name, found[name]) for name in ordered]


def _others(arms: dict[str, Arm]) -> list[tuple[str, str, MembershipAttack]]:
    """(title, attack's name, attack) of all attacks that do not speak for their arm."""
    return [
        (named(arm), name, attack)
        for arm in arms.values()
        if (speaking := speaking_attack(arm))
        for name, attack in arm.membership.items()
        if name != speaking[0] and attack.auc.value is not None
    ]


def _others_above(arms: dict[str, Arm]) -> list[str]:
    return [
        f"{attack_label(name)} on {title}, AUC {interval(attack.auc)}"
        for title, name, attack in _others(arms)
        if judge(attack.auc) == "above"
    ]


def _control(judged: DatasetResult, attack: str) -> MembershipAttack | None:
    """The overfitted generator under this attack; one that is not named by attack is the headline attack's."""
    names = attack_names(judged)
    if names and attack == names[0]:
        return headline_control(judged)
    return judged.membership_control.get(attack)


def _detected(judged: DatasetResult, control: MembershipAttack) -> bool:
    return any(one.passed for one in controls(judged) if not one.untrained and one.attack is control)


def _figures(arms: dict[str, Metric]) -> list[str]:
    return [f"{title}, AUC {interval(auc)}" for title, auc in arms.items()]


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"
