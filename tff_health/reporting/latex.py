"""Texts for LaTeX, in which nothing is a command."""

from __future__ import annotations

import re

_SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # LaTeX's old default fonts have other signs in these places.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_SPECIAL = re.compile("|".join(map(re.escape, _SIGNS)))


def latex_text(text: str) -> str:
    """The text as LaTeX prints it, also as the first cell of a row: letters beyond ASCII need XeLaTeX or LuaLaTeX."""
    plain = _SPECIAL.sub(lambda found: _SIGNS[found.group()], text)
    # After the end of a row a bracket would begin its option and an asterisk its starred form.
    return f"{{{plain[0]}}}{plain[1:]}" if plain[:1] in ("[", "*") else plain
