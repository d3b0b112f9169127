"""Whether what was made is worth training on, from its gaps to what is real: the first words of an answer."""

from __future__ import annotations

from collections.abc import Collection

from tff_health.reporting.synthesis.gaps import Gap

# Losses below this are called slight, however clear.
_SMALL = 0.02
# An interval that reaches further below zero than this cannot show that nothing is lost.
_MARGIN = 0.03


def worth(gaps: Collection[Gap]) -> str:
    """`nearly, they do slightly worse than`, to be followed by what they were set against.

    Args:
        gaps: synthetic minus real, one or more.
    """
    outcomes = {one.outcome for one in gaps}
    if "worse" in outcomes:
        least = min(one.value for one in gaps)
        return "nearly, they do slightly worse than" if least > -_SMALL else "not fully, they do worse than"
    if outcomes == {"unknown"}:
        first = next(iter(gaps))
        single = all(one.splits == 1 for one in gaps)
        return (
            f"{f'one {first.paired_by}' if single else f'figures without paired {first.paired_by}s'} cannot tell; "
            "they are set against"
        )
    if any(one.low is not None and one.low < -_MARGIN for one in gaps):
        return "not known, for the intervals are too wide to tell them from"
    return "yes, they do better than" if "better" in outcomes else "yes, they cannot be told from"
