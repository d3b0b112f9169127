"""Dots with 95 % intervals, one row an arm, one panel a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from tff_health.reporting.results import Metric
from tff_health.reporting.style import GREEN, new_figure, two_lines


@dataclass(frozen=True)
class DotRow:
    """One arm.

    Attributes:
        title: for people.
        metrics: one for each panel.
        color: of dot and interval.
        marker: matplotlib's.
    """

    title: str
    metrics: tuple[Metric, ...]
    color: str
    marker: str


def draw_arm_dots(rows: Sequence[DotRow], titles: Sequence[str], lines: Sequence[float | None]) -> Figure:
    """Panels beside each other that share their rows.

    Args:
        rows: from the top.
        titles: of the panels.
        lines: where each panel has a dotted line; None for none.
    """
    figure = new_figure(6.8, 1.1 + 0.36 * len(rows))
    panels = figure.subplots(1, len(titles), sharey=True, squeeze=False).ravel()
    for panel, (axes, title, line) in enumerate(zip(panels, titles, lines, strict=True)):
        for place, row in enumerate(rows):
            metric = row.metrics[panel]
            if metric.value is None:
                continue
            if metric.low is not None and metric.high is not None:
                axes.plot([metric.low, metric.high], [place, place], color=row.color, linewidth=2.2)
            axes.plot(metric.value, place, color=row.color, marker=row.marker, markersize=7)
        if line is not None:
            axes.axvline(line, color=GREEN, linewidth=0.9, linestyle=":")
        axes.set_title(title)
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=4)
    panels[0].set_yticks(range(len(rows)), [two_lines(row.title, 38) for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure
