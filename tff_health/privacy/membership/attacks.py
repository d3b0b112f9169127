"""The attacks by name, and the place where users add their own.

    @register_attack("entropy", title="Low entropy", needs_shadows=False)
    def entropy(observations: Observations) -> np.ndarray:
        "Members' scores are said to be less uncertain."
        ...

An attack gives every row a number, higher for likelier members. It is scored by ranks, so its scale does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tff_health.privacy.attack_registry import AttackRegistry, NamedAttack, checked_scores
from tff_health.privacy.membership.lira import lira, offline_lira
from tff_health.privacy.membership.observations import PROBABILITY_CLIP, Observations

AttackFunction = Callable[[Observations], np.ndarray]


@dataclass(frozen=True)
class Attack(NamedAttack):
    """An attack on a classifier.

    Attributes:
        function: from what the attacker sees to float64 [rows], higher for likelier members.
        needs_shadows: whether it compares with shadow models.
    """

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


_ATTACKS = AttackRegistry(
    "membership attack",
    (
        Attack("loss", "Low loss", loss_attack, needs_shadows=False),
        Attack("confidence", "High confidence", confidence_attack, needs_shadows=False),
        Attack("margin", "Margin of the true class", margin_attack, needs_shadows=False),
        Attack("lira", "Likelihood ratio (LiRA)", lira, needs_shadows=True),
        Attack("lira-offline", "Likelihood ratio (LiRA, offline)", offline_lira, needs_shadows=True),
    ),
)
DEFAULT_ATTACKS = ("loss", "confidence", "lira")
"""What runs unless told otherwise; those that need shadows only where there are some."""

attack_names = _ATTACKS.names
own_attacks = _ATTACKS.own
find_attack = _ATTACKS.find
unregister_attack = _ATTACKS.remove


def register_attack(name: str, *, title: str, needs_shadows: bool) -> Callable[[AttackFunction], AttackFunction]:
    """Decorates a function of `Observations` that returns float [rows], higher for likelier members.

    Args:
        name: lower-case letters, digits, `_` and `-`.
        title: for people.
        needs_shadows: whether the function reads the shadows' scores.

    Raises:
        SettingsError: the name is malformed or a built-in attack's.
    """
    _ATTACKS.check_new(name)

    def register(function: AttackFunction) -> AttackFunction:
        _ATTACKS.add(Attack(name, title, function, needs_shadows))
        return function

    return register


def attack_scores(attack: Attack, observations: Observations) -> np.ndarray:
    """Runs an attack and checks what it returns.

    Returns:
        float64 [rows].

    Raises:
        SettingsError: the attack failed, or did not return one number a row.
    """
    return checked_scores(
        attack.function,
        observations,
        len(observations.scores),
        attack=f"membership attack {attack.name!r}",
        rows="rows",
    )
