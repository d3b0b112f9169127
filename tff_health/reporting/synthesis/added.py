"""Whether adding what was made to what is real helps, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from tff_health.reporting.formatting import listing, plural
from tff_health.reporting.synthesis.gaps import Gap


def added_sentence(lead: str, tried: Mapping[str, Gap], maker: str, measure: str) -> str:
    """`Real and synthetic rows together, against real rows alone: they help with ...`; empty where nobody tried.

    Args:
        lead: what is set against what.
        tried: title -> together minus alone.
        maker: what a title is that of, in the singular.
        measure: what the gaps are differences of.
    """
    if not tried:
        return ""
    text = f"{lead}:"
    if all(one.outcome == "unknown" for one in tried.values()):
        return f"{text} {listing([f'{title} {one.words}' for title, one in tried.items()])} in {measure}."
    for outcome, words in (("better", "help"), ("worse", "hurt")):
        which = [f"{title} {one.words}" for title, one in tried.items() if one.outcome == outcome]
        text += f" they {words} with {listing(which)};" if which else ""
    level = sum(one.outcome in ("unclear", "unknown") for one in tried.values())
    if level == len(tried):
        return f"{text} no clear difference in {measure} with any of {plural(level, maker)}."
    return f"{text} no clear difference with {level} of {plural(len(tried), maker)} ({measure})."
