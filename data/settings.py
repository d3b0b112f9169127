"""Declared settings of a dataset: what may be set, to what, and what happens when it is set wrongly.

Nothing here imports pandas or NumPy: settings are checked before any work starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from data.errors import SettingsError, UnknownNameError, clip

SettingKind = Literal["integer", "number", "flag", "choice", "names", "text"]


@dataclass(frozen=True)
class Setting:
    """One setting of a dataset.

    Attributes:
        name: as users write it.
        kind: `integer`, `number`, `flag` (true or false), `choice` (one of `choices`), `names` (a list of
            some of `choices`; a single name stands for a list of one) or `text` (not empty).
        default: the value where the user gives none; None means that the dataset decides, as `description`
            says.
        description: one sentence for people.
        low: lowest value accepted, inclusive unless `exclusive`.
        high: highest value accepted, inclusive unless `exclusive`.
        exclusive: whether `low` and `high` themselves are refused.
        choices: the names accepted by `choice` and `names`.
    """

    name: str
    kind: SettingKind
    default: Any
    description: str
    low: float = -math.inf
    high: float = math.inf
    exclusive: bool = False
    choices: tuple[str, ...] = ()

    def read(self, value: object, owner: str) -> Any:
        """The value in the setting's own type.

        Args:
            value: as the user gave it (TOML's types).
            owner: the dataset, for the message.

        Raises:
            SettingsError: the value has another type or lies outside the accepted range.
        """
        if value is None and self.default is None:
            return None
        if self.kind == "flag":
            if isinstance(value, bool):
                return value
            raise self._refusal(value, owner, "true or false")
        if self.kind == "text":
            if isinstance(value, str) and value.strip():
                return value
            raise self._refusal(value, owner, "text that is not empty")
        if self.kind == "choice":
            return self._choice(value, owner)
        if self.kind == "names":
            return self._names(value, owner)
        return self._number(value, owner)

    def _number(self, value: object, owner: str) -> int | float:
        noun = "a whole number" if self.kind == "integer" else "a number"
        wanted = f"{noun}{self._range()}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refusal(value, owner, wanted)
        if self.kind == "integer" and not (isinstance(value, int) or value.is_integer()):
            raise self._refusal(value, owner, wanted)
        inside = self.low < value < self.high if self.exclusive else self.low <= value <= self.high
        if not (inside and abs(value) < math.inf):
            raise self._refusal(value, owner, wanted)
        return int(value) if self.kind == "integer" else float(value)

    def _range(self) -> str:
        has_low, has_high = self.low > -math.inf, self.high < math.inf
        if has_low and has_high:
            return f"{' strictly' if self.exclusive else ''} between {self.low:,g} and {self.high:,g}"
        if has_low:
            return f" above {self.low:,g}" if self.exclusive else f" of at least {self.low:,g}"
        return ""

    def _choice(self, value: object, owner: str) -> str:
        if not isinstance(value, str):
            raise self._refusal(value, owner, f"one of {', '.join(self.choices)}")
        if value not in self.choices:
            raise UnknownNameError.among(f"{self.name} of {owner}", value, self.choices)
        return value

    def _names(self, value: object, owner: str) -> tuple[str, ...]:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not values:
            raise self._refusal(value, owner, f"a list of some of {', '.join(self.choices)}")
        names = tuple(self._choice(item, owner) for item in values)
        if len(set(names)) != len(names):
            raise self._refusal(value, owner, "a list that names nothing twice")
        return names

    def _refusal(self, value: object, owner: str, wanted: str) -> SettingsError:
        return SettingsError(f"{owner}: {self.name} must be {wanted}, not {clip(repr(value))}.")


@dataclass(frozen=True)
class SettingsSpec:
    """All settings of one dataset.

    Attributes:
        owner: the dataset's name, for messages.
        settings: what may be set.
        check: raises SettingsError where resolved settings contradict each other.
    """

    owner: str
    settings: tuple[Setting, ...]
    check: Callable[[Mapping[str, Any]], None] | None = None

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every setting with its value: the given one, checked, or the default.

        Raises:
            SettingsError: a value is not accepted, or two contradict each other.
            UnknownNameError: a key is no setting of this dataset.
        """
        known = [setting.name for setting in self.settings]
        for key in given:
            if key not in known:
                raise UnknownNameError.among(f"setting of {self.owner}", str(key), known)
        resolved = {
            setting.name: setting.read(given[setting.name], self.owner) if setting.name in given else setting.default
            for setting in self.settings
        }
        if self.check is not None:
            self.check(resolved)
        return resolved
