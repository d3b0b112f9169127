"""Curves of what was measured while generators trained, one panel a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from tff_health.reporting.formatting import number
from tff_health.reporting.guarantee import named
from tff_health.reporting.results import Arm
from tff_health.reporting.style import legend_below, new_figure, plain_text
from tff_health.reporting.synthesis.curve_styles import curve_styles
from tff_health.reporting.synthesis_document import HistoryPoint


@dataclass(frozen=True)
class LossCurves:
    """The drawn curves and what a caption needs of them.

    Attributes:
        figure: one panel a measure.
        panels: how many.
        first: title of the first arm that has a curve.
        ends: its first and last recorded values, in words.
    """

    figure: Figure
    panels: int
    first: str
    ends: list[str]


def history(arm: Arm) -> Sequence[HistoryPoint]:
    """What was measured while the arm's generator trained; empty for none."""
    made = arm.synthesis or arm.images
    return made.history if made else ()


def trained_arms(arms: dict[str, Arm]) -> dict[str, Arm]:
    """Those with a training history."""
    return {name: arm for name, arm in arms.items() if len(history(arm)) > 1}


def series(arm: Arm, name: str) -> tuple[list[int], list[float]]:
    """A measure of training by updates, or by rounds where no updates were counted; points without it are left out."""
    points = history(arm)
    counted = any(point.updates for point in points)
    found = [
        (point.updates if counted else point.round, value)
        for point in points
        if (value := point.values.get(name)) is not None
    ]
    return [place for place, _ in found], [value for _, value in found]


def draw_losses(arms: Mapping[str, Arm], titles: Mapping[str, str]) -> LossCurves | None:
    """One panel for each measure of which some arm has two values or more; None without any.

    Args:
        arms: by name, one curve each.
        titles: measure -> title of its panel.
    """
    measured = [loss for loss in titles if any(len(series(arm, loss)[0]) > 1 for arm in arms.values())]
    if not measured:
        return None
    styles = curve_styles(arms)
    figure = new_figure(5.8, 0.6 + 1.9 * len(measured))
    panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False).ravel()
    for axes, loss in zip(panels, measured, strict=True):
        for name, arm in arms.items():
            updates, values = series(arm, loss)
            if len(updates) > 1:
                style = {**styles[name].line_kwargs(), "markevery": max(1, len(updates) // 8), "linewidth": 1.2}
                axes.plot(updates, values, label=plain_text(named(arm), 60), **style)
        axes.set_title(titles[loss])
    panels[-1].set_xlabel("Updates of the generator")
    fullest = max(panels, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
    legend_below(figure, fullest, columns=2)
    first = next(arm for arm in arms.values() if any(len(series(arm, loss)[0]) > 1 for loss in measured))
    ends = [
        f"{titles[loss][0].lower()}{titles[loss][1:]} {number(values[0], 2)} to {number(values[-1], 2)}"
        for loss in measured
        if len(values := series(first, loss)[1]) > 1
    ]
    return LossCurves(figure, len(measured), named(first), ends)
