"""Utility against epsilon: which arms of a dataset form a curve, and what stands at its end without noise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tff_health.reporting.guarantee import epsilon_of, is_private, private_arms, upper
from tff_health.reporting.results import Arm, DatasetResult

# `fedavg-patient-dp-eps1`: the same training at other epsilons differs in this part of its name only.
_IN_NAME = re.compile(r"[-_]?eps(?:ilon)?[-_]?\d+(?:[.p_]\d+)?", re.IGNORECASE)
_IN_TITLE = re.compile(r"[,;:]?\s*\(?\b(?:at\s+)?(?:epsilon|eps|ε)\s*[=≤]?\s*\d+(?:\.\d+)?\)?", re.IGNORECASE)


@dataclass(frozen=True)
class PrivacyCurve:
    """Arms that differ in epsilon only, as far as their names tell.

    Attributes:
        unit: patient or hospital.
        label: for people.
        arms: names by rising epsilon.
        counterpart: the arm without a guarantee that they are held against; None where there is none.
    """

    unit: str
    label: str
    arms: tuple[str, ...]
    counterpart: str | None


def privacy_curves(dataset: DatasetResult) -> list[PrivacyCurve]:
    """Curves of every unit that has two epsilons or more; a unit's stray arms come along as single points."""
    private = private_arms(dataset)
    groups: dict[tuple[str, str], list[str]] = {}
    for name, arm in private.items():
        assert arm.privacy is not None
        stem, count = _IN_NAME.subn("", name)
        groups.setdefault((arm.privacy.unit, stem if count else arm.privacy.mechanism), []).append(name)
    drawn = []
    for (unit, _), names in groups.items():
        of_unit = {
            upper(epsilon_of(private[name])) for key, group in groups.items() for name in group if key[0] == unit
        }
        if len(of_unit) < 2:
            continue
        ordered = sorted(names, key=lambda name: epsilon_of(private[name]))
        label = _label([private[name] for name in ordered], unit)
        drawn.append(PrivacyCurve(unit, label, tuple(ordered), counterpart(dataset, ordered[0])))
    return sorted(drawn, key=lambda curve: curve.unit != "patient")


def counterpart(dataset: DatasetResult, name: str) -> str | None:
    """The arm without a guarantee to hold a private arm against.

    The one whose name the private arm's begins with; else one of the same method and model; else the headline arm or
    the first federated one.
    """
    plain = {
        other: arm for other, arm in dataset.shown_arms.items() if not is_private(arm) and other != "paper-listing"
    }
    begun = [other for other in plain if name.startswith(f"{other}-")]
    if begun:
        return max(begun, key=len)
    federated = [other for other, arm in plain.items() if arm.federated]
    mine = dataset.arms[name].settings
    alike = [
        other
        for other in federated
        if mine.get("method") is not None
        and all(plain[other].settings.get(key) == mine.get(key) for key in ("method", "model"))
    ]
    headline = [other for other in federated if other == dataset.headline_arm]
    return next(iter([*alike, *headline, *federated]), None)


def _label(arms: list[Arm], unit: str) -> str:
    titles = {_IN_TITLE.sub("", arm.title).strip(" ,;:") for arm in arms}
    return titles.pop() if len(titles) == 1 else f"{unit} level"
