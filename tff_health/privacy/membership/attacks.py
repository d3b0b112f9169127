"""The attacks by name, and the place where users add their own.

    @register_attack("entropy", title="Low entropy", needs_shadows=False)
    def entropy(observations: Observations) -> np.ndarray:
        "Members' scores are said to be less uncertain."
        ...

An attack gives every row a number, higher for likelier members. It is scored by ranks, so its scale does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.errors import SettingsError, UnknownNameError
from tff_health.privacy.membership.lira import lira, offline_lira
from tff_health.privacy.membership.observations import PROBABILITY_CLIP, Observations

AttackFunction = Callable[[Observations], np.ndarray]


@dataclass(frozen=True)
class Attack:
    """An attack.

    Attributes:
        name: in settings and results.
        title: for people.
        function: from what the attacker sees to float64 [rows], higher for likelier members.
        needs_shadows: whether it compares with shadow models.
    """

    name: str
    title: str
    function: AttackFunction
    needs_shadows: bool


def loss_attack(observations: Observations) -> np.ndarray:
    """Members have a low loss (Yeom et al. 2018, arXiv 1709.01604, adversary 1): minus the cross-entropy in nats."""
    clipped = np.clip(observations.scores, PROBABILITY_CLIP, 1 - PROBABILITY_CLIP)
    return np.where(observations.labels == 1, np.log(clipped), np.log1p(-clipped))


def confidence_attack(observations: Observations) -> np.ndarray:
    """Members get a high greatest probability, whatever their label (Salem et al. 2019, arXiv 1806.01246, adversary 3).

    For two classes the logit-scaled form, |log(p / (1 - p))|, ranks alike.
    """
    return np.maximum(observations.scores, 1 - observations.scores)


def margin_attack(observations: Observations) -> np.ndarray:
    """Probability of the true class less that of the other one.

    For two classes it ranks as the loss does, and as the logit-scaled confidence does without shadows; it is there
    for comparison with the literature and not among the default attacks.
    """
    return np.where(observations.labels == 1, 1.0, -1.0) * (2 * observations.scores - 1)


_BUILT_IN = (
    Attack("loss", "Low loss", loss_attack, needs_shadows=False),
    Attack("confidence", "High confidence", confidence_attack, needs_shadows=False),
    Attack("margin", "Margin of the true class", margin_attack, needs_shadows=False),
    Attack("lira", "Likelihood ratio (LiRA)", lira, needs_shadows=True),
    Attack("lira-offline", "Likelihood ratio (LiRA, offline)", offline_lira, needs_shadows=True),
)
DEFAULT_ATTACKS = ("loss", "confidence", "lira")
"""What runs unless told otherwise; those that need shadows only where there are some."""

_attacks = {attack.name: attack for attack in _BUILT_IN}


def attack_names() -> tuple[str, ...]:
    """Every attack that can be named."""
    return tuple(_attacks)


def find_attack(name: str) -> Attack:
    """The attack of this name.

    Raises:
        UnknownNameError: there is none; says which is nearest.
    """
    if name not in _attacks:
        raise UnknownNameError.among("membership attack", name, _attacks)
    return _attacks[name]


def register_attack(name: str, *, title: str, needs_shadows: bool) -> Callable[[AttackFunction], AttackFunction]:
    """Decorates a function of `Observations` that returns float [rows], higher for likelier members.

    Args:
        name: lower-case letters, digits, `_` and `-`.
        title: for people.
        needs_shadows: whether the function reads the shadows' scores.

    Raises:
        SettingsError: the name is malformed or a built-in attack's.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise SettingsError(f"attack name {name!r}: use lower-case letters, digits, '_' and '-' only.")
    if name in {attack.name for attack in _BUILT_IN}:
        raise SettingsError(f"there is already an attack called {name!r}: choose another name.")

    def register(function: AttackFunction) -> AttackFunction:
        _attacks[name] = Attack(name, title, function, needs_shadows)
        return function

    return register


def unregister_attack(name: str) -> None:
    """Forgets a user's attack; built-in ones stay.

    Raises:
        UnknownNameError: no such attack was registered.
    """
    own = {known for known in _attacks if known not in {attack.name for attack in _BUILT_IN}}
    if name not in own:
        raise UnknownNameError.among("registered attack", name, own)
    del _attacks[name]


def attack_scores(attack: Attack, observations: Observations) -> np.ndarray:
    """Runs an attack and checks what it returns.

    Returns:
        float64 [rows].

    Raises:
        SettingsError: the attack did not return one number a row.
    """
    values = np.asarray(attack.function(observations), np.float64)
    if values.shape != observations.scores.shape or np.isnan(values).any():
        raise SettingsError(
            f"membership attack {attack.name!r} must return one number for each of {len(observations.scores)} rows, "
            f"not {'NaN' if values.shape == observations.scores.shape else f'an array of shape {values.shape}'}."
        )
    return values
