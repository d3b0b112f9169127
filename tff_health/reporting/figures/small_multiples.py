"""All datasets of a run side by side: one small panel each, the same arms and the same axis in all."""

from __future__ import annotations

import math

from tff_health.reporting.figures.registry import Drawing, DrawnFigure, rendered
from tff_health.reporting.formatting import interval, listing
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm
from tff_health.reporting.style import GREY, arm_styles, new_figure, two_lines

NAME, TITLE = "small-multiples", "The same arms on every dataset"
_METRIC = "test/auc"
_COLUMNS = 3
_MOST_ARMS, _MOST_PANELS = 24, 30  # beyond these nobody reads them


def draw_small_multiples(run: Run) -> DrawnFigure | None:
    """The figure of a run; None with fewer than two datasets that share two arms, or with too many of either."""
    return rendered((NAME, TITLE, "results", ""), lambda: small_multiples(run), "all datasets")


def small_multiples(run: Run) -> Drawing | None:
    """A dot and a 95 % interval for the AUC of each arm that two datasets or more have."""
    arms = _arms_by_dataset(run)
    counts: dict[str, int] = {}
    for own in arms.values():
        for name in own:
            counts[name] = counts.get(name, 0) + 1
    shared = [name for name, count in counts.items() if count > 1]
    panels = {name: {arm: own[arm] for arm in shared if arm in own} for name, own in arms.items()}
    panels = {name: own for name, own in panels.items() if own}
    if len(shared) < 2 or len(panels) < 2 or len(shared) > _MOST_ARMS or len(panels) > _MOST_PANELS:
        return None
    styles = arm_styles(shared)
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(2.4 + 2.1 * columns, rows * (0.75 + 0.3 * len(shared)))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    heads = {name: two_lines(run.results.datasets[name].title, 26) for name in panels}
    if len(set(heads.values())) < len(heads):  # titles that differ in the middle, where they are cut
        heads = {name: two_lines(f"{number}. {name}", 26) for number, name in enumerate(panels, 1)}
    for axes, (name, own) in zip(grid.ravel(), panels.items(), strict=False):
        for place, arm in enumerate(shared):
            if arm not in own:
                continue
            found = own[arm].metric(_METRIC)
            if found.low is not None and found.high is not None:
                axes.plot([found.low, found.high], [place, place], color=styles[arm].color, linewidth=2.2)
            axes.plot(found.value, place, marker=styles[arm].marker, color=styles[arm].color, markersize=6)
        headline = run.results.datasets[name].headline_arm
        if headline in own and (value := own[headline].metric(_METRIC).value) is not None:
            axes.axvline(value, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_title(heads[name], fontsize=9)
        axes.grid(visible=False, axis="y")
        axes.tick_params(labelbottom=True)
        axes.locator_params(axis="x", nbins=4)
    for axes in grid.ravel()[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("AUC", fontsize=9.5)
    titles = {arm: next(own[arm].title for own in panels.values() if arm in own) for arm in shared}
    grid[0, 0].set_yticks(range(len(shared)), [two_lines(titles[arm], 30) for arm in shared])
    grid[0, 0].set_ylim(len(shared) - 0.5, -0.5)
    ends = listing([_range(titles[arm], arm, panels) for arm in shared[:3]])
    caption = f"Held-out AUC with 95 % intervals, dotted: the arm that speaks for federation. Over datasets: {ends}."
    alt = f"{len(panels)} panels, one a dataset, with a dot for each of {len(shared)} arms. {caption}"
    return Drawing(figure, caption, alt)


def _arms_by_dataset(run: Run) -> dict[str, dict[str, Arm]]:
    return {
        name: {arm: own for arm, own in dataset.shown_arms.items() if own.metric(_METRIC).value is not None}
        for name, dataset in run.results.datasets.items()
    }


def _range(title: str, arm: str, panels: dict[str, dict[str, Arm]]) -> str:
    values = [own[arm].metric(_METRIC) for own in panels.values() if arm in own]
    ordered = sorted(values, key=lambda metric: metric.value or 0.0)
    return f"{title} {interval(ordered[0])} at least and {interval(ordered[-1])} at most"
