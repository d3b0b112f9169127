"""Attacks by name, built-in ones and users' own, whatever the attacker sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from data.errors import SettingsError, TffHealthError, UnknownNameError, clip


@dataclass(frozen=True)
class NamedAttack:
    """What every attack has.

    Attributes:
        name: in settings and results.
        title: for people.
    """

    name: str
    title: str


AttackT = TypeVar("AttackT", bound=NamedAttack)


class AttackRegistry(Generic[AttackT]):
    """The attacks of one kind.

    Args:
        subject: what they are, in the singular, for messages.
        built_in: those that stay.
    """

    def __init__(self, subject: str, built_in: Sequence[AttackT]) -> None:
        self._subject = subject
        self._built_in = tuple(attack.name for attack in built_in)
        self._attacks = {attack.name: attack for attack in built_in}

    def names(self) -> tuple[str, ...]:
        """Every attack that can be named."""
        return tuple(self._attacks)

    def own(self) -> tuple[AttackT, ...]:
        """Users' attacks, in the order of their registration."""
        return tuple(attack for name, attack in self._attacks.items() if name not in self._built_in)

    def find(self, name: str) -> AttackT:
        """The attack of this name.

        Raises:
            UnknownNameError: there is none; says which is nearest.
        """
        if name not in self._attacks:
            raise UnknownNameError.among(self._subject, name, self._attacks)
        return self._attacks[name]

    def check_new(self, name: str) -> None:
        """Holds the name of a user's attack to the rules.

        Raises:
            SettingsError: it is malformed or a built-in attack's.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise SettingsError(f"attack name {name!r}: use lower-case letters, digits, '_' and '-' only.")
        if name in self._built_in:
            raise SettingsError(f"there is already an attack called {name!r}: choose another name.")

    def add(self, attack: AttackT) -> None:
        """Registers a user's attack, in the place of an earlier one of the same name.

        Raises:
            SettingsError: the name is malformed or a built-in attack's.
        """
        self.check_new(attack.name)
        self._attacks[attack.name] = attack

    def remove(self, name: str) -> None:
        """Forgets a user's attack; built-in ones stay.

        Raises:
            UnknownNameError: no such attack was registered.
        """
        own = [known for known in self._attacks if known not in self._built_in]
        if name not in own:
            raise UnknownNameError.among("registered attack", name, own)
        del self._attacks[name]


def checked_scores(function: Callable[[Any], Any], seen: Any, count: int, *, attack: str, rows: str) -> np.ndarray:
    """What an attack returns, as one number a row.

    Args:
        function: the attack.
        seen: what it looks at.
        count: of the attacked rows.
        attack: its name, in words.
        rows: what they are called.

    Returns:
        float64 [count].

    Raises:
        SettingsError: it failed, or did not return one number a row.
    """
    try:
        values = np.asarray(function(seen), np.float64)
    except TffHealthError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise SettingsError(f"{attack} failed with {type(error).__name__}: {clip(str(error), 200)}") from error
    if values.shape != (count,) or np.isnan(values).any():
        raise SettingsError(
            f"{attack} must return one number for each of {count} {rows}, not "
            f"{'NaN' if values.shape == (count,) else f'an array of shape {values.shape}'}."
        )
    return values
