"""The audit beside the accountant: what canaries show at least, what is claimed at most, what could have been shown."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, plural
from tff_health.reporting.guarantee import lower, upper
from tff_health.reporting.privacy_document import Audit
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm
from tff_health.reporting.style import BLUE, GREY, INK, VERMILION, legend_below, new_figure, two_lines

# Bounds below this are drawn at the left end: they show nothing.
_NEARLY_ZERO = 0.02


@register_figure("audit", "Audit: epsilon shown, claimed and showable", section="privacy")
def audit(record: RunRecord) -> Drawing | None:
    """For each audited arm the lower bound from canaries, the accountant's upper bound and the audit's ceiling."""
    found = [(arm, arm.audit) for arm in record.dataset.shown_arms.values() if arm.audit is not None]
    if not found:
        return None
    audits = [one for _, one in found]
    positive = [
        value
        for one in audits
        for value in (one.epsilon_lower, one.epsilon_claimed, one.ceiling)
        if value is not None and value > 0 and math.isfinite(value)
    ]
    if not positive:
        return None
    room = 5 if any(one.epsilon_claimed is None for one in audits) else 2.5
    left, right = max(min(positive) / 2.5, _NEARLY_ZERO), max(positive) * room
    figure = new_figure(6.4, 1.1 + 0.42 * len(found))
    axes = figure.subplots()
    axes.set_xscale("log")
    for place, one in enumerate(audits):
        _row(axes, one, place, left, right)
    for marker, color, label in (
        (">", BLUE, "shown at least (audit)"),
        ("<", INK, "claimed at most (accountant)"),
        ("|", GREY, "ceiling of the audit"),
    ):
        axes.plot([], [], marker=marker, color=color, linestyle="", markersize=8, label=label)
    _ticks(axes, left, right, audits)
    axes.set_yticks(range(len(found)), [two_lines(arm.title) for arm, _ in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Epsilon")
    legend_below(figure, axes)
    caption = _caption([arm for arm, _ in found], audits)
    return Drawing(figure, caption, f"Bounds on epsilon for {plural(len(found), 'audited arm')}, log axis. {caption}")


def _row(axes: Axes, one: Audit, place: int, left: float, right: float) -> None:
    shown = max(one.epsilon_lower, left)
    claimed = right if one.epsilon_claimed is None else max(one.epsilon_claimed, left)
    color = VERMILION if one.flagged else BLUE
    axes.plot([shown, claimed], [place, place], color=color, linewidth=1.4, alpha=0.5)
    axes.plot(shown, place, marker=">", color=color, markersize=8)
    axes.plot(claimed, place, marker="<", color=INK, markersize=8)
    axes.plot(min(one.ceiling, right), place, marker="|", color=GREY, markersize=14, markeredgewidth=2)
    if one.flagged:
        axes.annotate("FLAGGED", (shown, place), (6, 6), textcoords="offset points", color=VERMILION, fontsize=8.5)


def _ticks(axes: Axes, left: float, right: float, audits: list[Audit]) -> None:
    open_end = any(one.epsilon_claimed is None for one in audits)
    last = right / (3 if open_end else 1.2)
    decades = range(math.floor(math.log10(left)), math.ceil(math.log10(right)) + 1)
    candidates = [step * 10.0**power for power in decades for step in (1, 3)]
    places = [tick for tick in candidates if 1.6 * left < tick < last]
    labels = [f"{tick:g}" for tick in places]
    at_left = [one.epsilon_lower for one in audits if one.epsilon_lower <= left]
    if at_left:
        places, labels = [left, *places], ["about 0" if any(at_left) else "0", *labels]
    if open_end:
        places, labels = [*places, right], [*labels, "no claim"]
    axes.set_xticks(places, labels)
    axes.set_xticks([], minor=True)
    axes.set_xlim(left / 1.25, right * 1.25)


def _caption(arms: list[Arm], audits: list[Audit]) -> str:
    claims = [(arm, one) for arm, one in zip(arms, audits, strict=True) if one.epsilon_claimed is not None]
    parts = [
        f"{arm.title}: at least {lower(one.epsilon_lower)}"
        + (f", at most {upper(one.epsilon_claimed)}" if one.epsilon_claimed is not None else ", nothing claimed")
        + f", ceiling {lower(one.ceiling)}"
        for arm, one in zip(arms, audits, strict=True)
    ]
    flagged = [arm.title for arm, one in claims if one.flagged]
    blunt = [arm.title for arm, one in claims if one.ceiling <= (one.epsilon_claimed or 0)]
    text = f"Epsilon by arm: {'; '.join(parts)}. "
    if flagged:
        text += f"FLAGGED, the claim does not hold: {listing(flagged)}. "
    elif claims:
        text += "No claim is refuted. "
    if blunt:
        text += f"The ceiling lies below the claim of {listing(blunt)}, so passing says little there. "
    levels = listing(list(dict.fromkeys(f"{100 * one.confidence:.4g} %" for one in audits)))
    return (
        f"{text}Lower bounds hold with {levels} confidence; what the claims rest on (unit, adjacency, delta, sampling, "
        "trust model) is said in the statements above."
    )
