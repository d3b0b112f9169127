"""Colours, markers and lines of curves that share a figure, no two alike."""

from __future__ import annotations

from collections.abc import Iterable

from tff_health.reporting.style import AMBER, BLUE, GREEN, GREY, PURPLE, VERMILION, ArmStyle

_STYLES = (
    ArmStyle(BLUE, "^", "-"),
    ArmStyle(VERMILION, "o", "--"),
    ArmStyle(PURPLE, "s", "-."),
    ArmStyle(AMBER, "v", "-"),
    ArmStyle(GREY, "P", "--"),
    ArmStyle(GREEN, "*", "-."),
)


def curve_styles(names: Iterable[str]) -> dict[str, ArmStyle]:
    """A style for each name in order; beyond six they repeat."""
    return {name: _STYLES[place % len(_STYLES)] for place, name in enumerate(names)}
