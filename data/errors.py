"""Errors a user can meet: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TffHealthError(Exception):
    """Base of every error that the project raises on purpose.

    The command line prints `str(error)` as one sentence, without a traceback, and exits with `exit_code`.
    The class lives in `data/` because imports point downwards and both halves of the house raise it.
    """

    exit_code = 1


class DataError(TffHealthError):
    """Patients' data that cannot be used: names the file or hospital, the column and the remedy."""

    exit_code = 3


class SettingsError(TffHealthError):
    """A setting that cannot be used: names the setting, the value and what is accepted."""

    exit_code = 2


class WrongKindError(SettingsError, TypeError):
    """A part of the user's own that is not what it is used as: says what it is and what it should be."""


class UnknownNameError(SettingsError):
    """A name that nothing answers to: says which known name is nearest."""

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """The error for `name` where one of `known` was expected.

        Args:
            what: what the name should have named, as in "dataset" or "setting of breast_cancer".
            name: as the user wrote it.
            known: the names that exist.
        """
        names = list(known)
        near = nearest_name(name, names)
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(names) or 'none'}."
        return cls(f"unknown {what} {clip(repr(name))}: {hint}")


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, whatever its case, or None where none is like it."""
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:200].casefold(), folded, n=1)
    return folded[near[0]] if near else None


def clip(text: str, length: int = 80) -> str:
    """The text, shortened to `length` characters so that a message stays one readable sentence."""
    return text if len(text) <= length else f"{text[: length - 3]}..."
