"""What membership inference found, arm by arm, and whether the attack's own control lets its silence count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tff_health.reporting.formatting import interval, listing, plural
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.results import Arm, DatasetResult, Metric

ATTACK_LABELS = {
    "lira": "LiRA",
    "loss": "loss threshold",
    "confidence": "confidence",
    "density-ratio": "density ratio",
    "nearest": "nearest neighbour",
    "calibrated-nearest": "nearest neighbour, calibrated",
    "monte-carlo": "Monte Carlo",
    "discriminator": "discriminator",
}
"""Attack -> its name for people, the strongest first: the first that an arm has is its headline attack.

The first three attack classifiers, the others synthetic rows or images, the last with the discriminator at hand.
"""

GUESSING = 0.5
OVERFITTED = "overfitted"
_NEGATIVE = {"unseen": "Model that saw none of them", "untrained": "Untrained model"}
# What the lower end of an attack's AUC must pass on a model that learnt its members by heart.
_MUST_EXCEED = 0.6

Outcome = Literal["above", "guessing", "below", "unknown"]


@dataclass(frozen=True)
class Control:
    """One of the attack's controls.

    Attributes:
        title: what was attacked, and how.
        attack: the measured attack.
        untrained: whether nothing must be found; otherwise the attack must find the members.
        passed: whether that came out.
    """

    title: str
    attack: MembershipAttack
    untrained: bool
    passed: bool


def outcome(auc: Metric) -> Outcome:
    """Where the interval of an attack's AUC lies against guessing; `unknown` without an interval."""
    if auc.value is None or auc.low is None or auc.high is None:
        return "unknown"
    return "above" if auc.low > GUESSING else "below" if auc.high < GUESSING else "guessing"


def attack_label(name: str) -> str:
    """`lira` -> `LiRA`; an unknown attack stays as it is."""
    return ATTACK_LABELS.get(name, name.replace("_", " "))


def headline_attack(attacks: dict[str, MembershipAttack]) -> str | None:
    """The attack that speaks for an arm: LiRA where it was run, else the next of `ATTACK_LABELS`."""
    return next((name for name in (*ATTACK_LABELS, *attacks) if name in attacks), None)


def headline_auc(arm: Arm) -> Metric:
    """The AUC of the arm's headline attack; the metric `membership/auc` where no attack is recorded in full."""
    name = headline_attack(arm.membership)
    return arm.membership[name].auc if name else arm.metric("membership/auc")


def attack_names(dataset: DatasetResult) -> list[str]:
    """The attacks on any shown arm, the headline attack first."""
    present = {name for arm in dataset.shown_arms.values() for name in arm.membership}
    return [name for name in ATTACK_LABELS if name in present] + sorted(present - set(ATTACK_LABELS))


def controls(dataset: DatasetResult) -> list[Control]:
    """The attack's controls: models that learnt their members by heart first, then those that never saw them.

    Keys of `membership_control` are `overfitted` (the headline attack's), `unseen` or `untrained`, or the name of the
    attack that an overfitted model stands for.
    """
    found = []
    for name, attack in dataset.membership_control.items():
        if name in _NEGATIVE:
            passed = outcome(attack.auc) in ("guessing", "below")
            found.append(Control(_NEGATIVE[name], attack, True, passed))
        else:
            which = "" if name == OVERFITTED else f", {attack_label(name)}"
            found.append(Control(f"Deliberately overfitted model{which}", attack, False, _detected(attack.auc)))
    return sorted(found, key=lambda control: control.untrained)


def headline_control(dataset: DatasetResult) -> MembershipAttack | None:
    """The overfitted model that the headline attack must detect; None where there was none."""
    names = attack_names(dataset)
    recorded = dataset.membership_control
    return recorded.get(OVERFITTED) or (recorded.get(names[0]) if names else None)


def warnings(dataset: DatasetResult) -> list[str]:
    """Why attacks on this dataset prove less than they seem to, or nothing; empty where the controls came out."""
    attacked = attack_names(dataset)
    if not attacked:
        return []
    judged = controls(dataset)
    if not any(not control.untrained for control in judged):
        return ["The attacks have no control here: that they find nothing proves nothing."]
    lines = []
    for control in judged:
        found = interval(control.attack.auc)
        if not control.passed and control.untrained:
            lines.append(
                f"{control.title}: AUC {found}, though nothing can be found there. Members and non-members differ of "
                "themselves, so a figure above 0.5 elsewhere is not all leakage, and one of 0.5 is not all privacy."
            )
        elif not control.passed:
            lines.append(
                f"{control.title}: NOT DETECTED (AUC {found}). This attack proves nothing: it misses members even "
                "where they are learnt by heart."
            )
    recorded = dataset.membership_control
    missing = [] if OVERFITTED in recorded else [attack_label(name) for name in attacked if name not in recorded]
    if missing:
        lines.append(f"No control for {listing(missing)}: finding nothing proves nothing.")
    return lines


def proves_nothing(dataset: DatasetResult) -> bool:
    """Whether the headline attack's control is missing or was not detected."""
    control = headline_control(dataset)
    return control is None or not _detected(control.auc)


def _detected(auc: Metric) -> bool:
    return auc.low is not None and auc.low > _MUST_EXCEED


def membership_sentences(datasets: list[DatasetResult]) -> str:
    """Whether attacks see anything in private arms and in the others, and whether that means anything."""
    arms = [(dataset, arm) for dataset in datasets for arm in dataset.shown_arms.values()]
    measured = [(dataset, arm) for dataset, arm in arms if outcome(headline_auc(arm)) != "unknown"]
    private = [pair for pair in measured if is_private(pair[1])]
    plain = [pair for pair in measured if not is_private(pair[1])]
    claimed = sum(is_private(arm) for _, arm in arms)
    if not private:
        return "No private arm was attacked, so nothing is known about what its model gives away in practice."
    seen = [pair for pair in private if outcome(headline_auc(pair[1])) == "above"]
    names = listing(list(dict.fromkeys(_headline_label(arm) for _, arm in private)))
    every = f"any of the {len(private)} private arms" if len(private) > 1 else "the private arm"
    text = f"Membership inference ({names})"
    if seen:
        several = len({id(dataset) for dataset in datasets}) > 1
        which = [
            f"{arm.title}{f' on {data.title}' if several else ''}, AUC {interval(headline_auc(arm))}"
            for data, arm in seen
        ]
        text += f" is above guessing on {len(seen)} of {plural(len(private), 'private arm')}: {'; '.join(which)}"
    else:
        text += f" is not above guessing on {every}, by the 95 % interval of its AUC"
    if claimed > len(private):
        text += (
            f"; {plural(claimed - len(private), 'private arm')} was not attacked"
            if claimed - len(private) == 1
            else (f"; {claimed - len(private)} private arms were not attacked")
        )
    if plain:
        above = sum(outcome(headline_auc(arm)) == "above" for _, arm in plain)
        text += f"; without a guarantee it is above guessing on {above} of {plural(len(plain), 'arm')}"
    silent = [dataset.title for dataset in {id(data): data for data, _ in private}.values() if proves_nothing(dataset)]
    if silent:
        return f"{text}. On {listing(silent)} the attack's own control was not detected, so its silence proves nothing."
    return f"{text}. Its control, a deliberately overfitted model, was detected."


def _headline_label(arm: Arm) -> str:
    name = headline_attack(arm.membership)
    return attack_label(name) if name else "as recorded"
