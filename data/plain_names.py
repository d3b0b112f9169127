"""Names of users' hospitals, columns and categories: what they may hold, and how they are shown on a terminal.

Quotes, brackets, commas and letters of any script are fine: whoever writes a name somewhere escapes it there.
Characters that do not show are not: a line break or an escape sequence would forge the text around a name, a
right-to-left override would turn it over, and a reader could not tell two names apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, formats such as overrides, halves of characters, line ends
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian, Indic scripts and emoji are spelt with them
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters to Unicode, of no width or blank
_VARIATIONS = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # of the sign before them, as in emoji


def name_fault(name: str) -> str:
    """Why a text cannot be a name, as the end of a sentence about it; empty where it can."""
    if not look(name):
        return "is blank"
    return hidden_fault(name)


def plain_name(name: str) -> str:
    """The name itself, for validators of settings.

    Raises:
        ValueError: it cannot be a name; says why.
    """
    fault = name_fault(name)
    if fault:
        raise ValueError(f"the name {fault}")
    return name


def hidden_fault(text: str, *, but: str = "") -> str:
    """Which character of a text does not show, as the end of a sentence about it; empty where all do.

    Args:
        text: to look at.
        but: characters that are fine here.
    """
    found = next((one for one in text if _is_hidden(one) and one not in but), None)
    if found is None:
        return ""
    known = unicodedata.name(found, "a control character")
    return f"holds U+{ord(found):04X} ({known.lower()}), which does not show"


def visible(text: str) -> str:
    """The text for a terminal: every character that does not show as its escape sequence, such as `\\x1b`."""
    return "".join(one.encode("unicode_escape").decode() if _is_hidden(one) else one for one in text)


def look(name: str, *, fold: bool = True) -> str:
    """What a reader makes of a name: the same for names that differ in blanks, joiners or Unicode's forms alone.

    Args:
        name: to look at.
        fold: whether capitals do not count either, as on disks that do not tell them apart.
    """
    shown = "".join(one for one in _VARIATIONS.sub("", name) if one not in _JOINERS)
    plain = unicodedata.normalize("NFC", shown)
    plain = " ".join(plain.split())
    return unicodedata.normalize("NFC", plain.casefold()) if fold else plain


def alike(names: Iterable[str], *, fold: bool = True) -> tuple[str, str] | None:
    """The first two names that look the same, None where all can be told apart."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(look(name, fold=fold), name)
        if other != name:
            return other, name
    return None


def _is_hidden(character: str) -> bool:
    hidden = unicodedata.category(character) in _HIDDEN and character not in _JOINERS
    return hidden or character in _FILLERS
