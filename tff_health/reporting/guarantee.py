"""Privacy guarantees in words: an epsilon never stands without the unit, the adjacency and all else it rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tff_health.reporting.privacy_document import Privacy
from tff_health.reporting.results import Arm, DatasetResult

NOT_SECURE = "simulated: NOT SECURE"
_SECURE_AGGREGATION = {"none": "none", "simulated": NOT_SECURE, "masked": "masked"}
_ACCOUNTANTS = {
    "pld": "privacy loss distributions (PLD): the losses of all steps, convolved numerically and rounded upwards",
    "rdp": "Rényi differential privacy (RDP): adds up simple bounds of the steps; safe, but looser than PLD",
    "analytic-gaussian": "analytic Gaussian: the exact closed form for Gaussian noise on whole data",
}
# Binary arithmetic puts an accountant's answer for a target a hair to either side of it.
_HAIR = 1e-9


@dataclass(frozen=True)
class Statement:
    """Arms of a dataset whose guarantees rest on the same terms.

    Attributes:
        terms: what an epsilon rests on, term -> words, in reading order.
        simulated: whether its secure aggregation is a plain sum.
        arms: the arms by name, each with a finite epsilon.
    """

    terms: dict[str, str]
    simulated: bool
    arms: dict[str, Arm]


def is_private(arm: Arm) -> bool:
    """Whether the arm claims a finite epsilon."""
    return arm.privacy is not None and arm.privacy.epsilon is not None


def private_arms(dataset: DatasetResult) -> dict[str, Arm]:
    """The shown arms with a finite epsilon, by name."""
    return {name: arm for name, arm in dataset.shown_arms.items() if is_private(arm)}


def epsilon_of(arm: Arm) -> float:
    """The arm's epsilon; infinite without a guarantee."""
    return math.inf if arm.privacy is None or arm.privacy.epsilon is None else arm.privacy.epsilon


def named(arm: Arm) -> str:
    """The arm's title, with unit and epsilon in brackets as far as the title leaves them out.

    A title names the epsilon that was asked for; where more was spent, that stands beside it.
    """
    if arm.privacy is None or arm.privacy.epsilon is None:
        return arm.title
    target = (arm.privacy.model_extra or {}).get("target_epsilon")
    words = [] if arm.privacy.unit in arm.title.lower() else [f"{arm.privacy.unit} level"]
    if not re.search(r"\b(epsilon|eps)\b|ε", arm.title, re.IGNORECASE):
        words.append(f"epsilon {upper(arm.privacy.epsilon)}")
    elif isinstance(target, float) and arm.privacy.epsilon > target * (1 + _HAIR):
        words.append(f"spent: epsilon {upper(arm.privacy.epsilon)}")
    return f"{arm.title} ({', '.join(words)})" if words else arm.title


def upper(value: float | None) -> str:
    """An upper bound on epsilon in three significant digits, never rounded below itself."""
    return "unbounded" if value is None or not math.isfinite(value) else _rounded(value, up=True)


def lower(value: float | None) -> str:
    """A lower bound on epsilon in three significant digits, never rounded above itself."""
    return "not defined" if value is None else _rounded(value, up=False)


def small(delta: float | None) -> str:
    """A probability such as delta: `1e-5`, `0.001`."""
    if delta is None:
        return "not defined"
    mantissa, _, power = f"{delta:.3g}".partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa


def secure_aggregation(arm: Arm) -> str:
    """How the server gets the sum of the arm, private or not; a simulated one is always named NOT SECURE."""
    recorded = {arm.secure_aggregation, arm.privacy.secure_aggregation if arm.privacy else "none"}
    for kind in ("simulated", "masked"):
        if kind in recorded:
            return _SECURE_AGGREGATION[kind]
    return "none" if arm.federated else "\N{EN DASH}"


def accountant_words(name: str) -> str:
    """What an accountant does, in plain words."""
    return _ACCOUNTANTS.get(name.lower(), name)


def terms(privacy: Privacy) -> str:
    """All that an epsilon rests on, in one line."""
    words = {name: text.rstrip(". ") for name, text in _terms(privacy).items() if name != "Accountant"}
    words["Accountant"] = privacy.accountant
    return "; ".join(f"{name[0].lower()}{name[1:]}: {text}" for name, text in words.items())


def shared_terms(arms: Iterable[Arm]) -> str:
    """The terms of several arms as sentences, each distinct set once."""
    distinct = dict.fromkeys(terms(arm.privacy) for arm in arms if arm.privacy is not None and is_private(arm))
    if len(distinct) < 2:
        return "".join(f"What epsilon rests on: {one}." for one in distinct)
    numbered = [f"({place}) {one}" for place, one in enumerate(distinct, 1)]
    return f"What these epsilons rest on: {'. '.join(numbered)}."


def statements(dataset: DatasetResult) -> list[Statement]:
    """The guarantees of a dataset's private arms, those on the same terms together; patients' before hospitals'."""
    found: dict[tuple[str, ...], Statement] = {}
    for name, arm in private_arms(dataset).items():
        assert arm.privacy is not None
        words = _terms(arm.privacy)
        fresh = Statement(words, arm.privacy.secure_aggregation == "simulated", {})
        found.setdefault(tuple(words.values()), fresh).arms[name] = arm
    return sorted(found.values(), key=lambda statement: statement.terms["Unit"] != "patient")


def _terms(privacy: Privacy) -> dict[str, str]:
    return {
        "Unit": privacy.unit,
        "Adjacency": privacy.adjacency,
        "Delta": small(privacy.delta),
        "Sampling": privacy.sampling,
        "Trust model": privacy.trust_model,
        "Secure aggregation": _SECURE_AGGREGATION[privacy.secure_aggregation],
        "Accountant": accountant_words(privacy.accountant),
    }


def _rounded(value: float, *, up: bool) -> str:
    """Three significant digits, all whole ones kept, rounded in one direction only."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    scaled = value * 10.0**digits
    whole = math.ceil(scaled * (1 - _HAIR)) if up else math.floor(scaled * (1 + _HAIR))
    text = f"{whole / 10.0**digits:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text
