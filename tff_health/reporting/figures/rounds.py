"""Figs. 6 and 12 of P1: accuracy and loss by communication round."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tff_health.reporting import paper
from tff_health.reporting.figures.compared_arms import compared_arms
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, metric_label, number, plural
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import GREY, INK, arm_styles, legend_below, new_figure, plain_text


def series(record: RunRecord, arm: str, metric: str) -> pd.DataFrame:
    """An arm's metric by round: columns round, value, low, high.

    Read from results.json; where that holds no rounds (an interrupted run), from rounds.csv, with the range
    over
    seeds as the band.
    """
    recorded = [
        (entry.round, found.value, found.low, found.high)
        for entry in record.dataset.arms[arm].rounds
        if (found := entry.metrics.get(f"test/{metric}")) is not None and found.value is not None
    ]
    if recorded or metric not in record.rounds:
        return pd.DataFrame(recorded, columns=["round", "value", "low", "high"]).astype(float)
    rows = record.rounds[record.rounds["arm"] == arm].dropna(subset=[metric])
    grouped = rows.groupby("round")[metric].agg(["mean", "min", "max"]).reset_index()
    return grouped.set_axis(["round", "value", "low", "high"], axis=1).astype(float)


@register_figure("rounds", "Accuracy and loss by communication round", paper="Figs. 6 and 12")
def rounds(record: RunRecord) -> Drawing | None:
    """Held-out accuracy and log loss of every arm after each round, with 95 % bands."""
    headline = record.dataset.headline_arm
    # Private arms have a figure of their own: they take other steps, and more or fewer of them.
    compared = compared_arms(record.dataset)
    arms = {name: arm for name, arm in compared.items() if name == headline or not is_private(arm)}
    curves = {
        (arm, metric): frame
        for arm in arms
        for metric in ("accuracy", "loss")
        if len(frame := series(record, arm, metric)) > 1
    }
    if not curves:
        return None
    styles = arm_styles(record.dataset.shown_arms)
    # Two panels side by side would be unreadable on a phone; one above the other share their rounds.
    figure = new_figure(5.8, 5.2)
    panels = figure.subplots(2, 1, sharex=True)
    last = 0.0
    for axes, metric in zip(panels, ("accuracy", "loss"), strict=True):
        for arm, entry in arms.items():
            if (arm, metric) not in curves:
                continue
            frame = curves[arm, metric]
            last = max(last, frame["round"].max())
            label = plain_text(entry.title, 60)
            every = max(1, len(frame) // 12)
            axes.plot(frame["round"], frame["value"], label=label, markevery=every, **styles[arm].line_kwargs())
            axes.fill_between(
                frame["round"], frame["low"], frame["high"], color=styles[arm].color, alpha=0.13, linewidth=0
            )
        if record.dataset_name == paper.PAPER_DATASET:
            _draw_paper(axes, metric)
        axes.set_title(f"Held-out {metric_label(metric)}")
    panels[1].set_xlabel("Communication round")
    if last <= 12:
        panels[1].set_xticks(np.arange(0, last + 1))
    else:
        panels[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    fullest = max(panels, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
    legend_below(figure, fullest, columns=2)
    lines = len({arm for arm, _ in curves})
    rounded = sum(bool(arm.rounds) for arm in record.dataset.shown_arms.values())
    caption = _caption(record, curves, rounded - lines)
    return Drawing(
        figure,
        caption,
        f"Line charts of held-out accuracy and log loss by round for {plural(lines, 'arm')}. {caption}",
    )


def _draw_paper(axes: Axes, metric: str) -> None:
    position = 0 if metric == "loss" else 1
    table = [row[position] for row in paper.TABLE_1.values()]
    axes.plot(list(paper.TABLE_1), table, color=INK, linestyle=":", marker="o", mfc="white", label="P1, Table 1")
    axes.plot(
        [1, 5],
        paper.FIGURE_12_ENDPOINTS[metric],
        color=GREY,
        linestyle="",
        marker="d",
        mfc="white",
        label="P1, Fig. 12 (end points)",
    )


def _caption(record: RunRecord, curves: dict[tuple[str, str], pd.DataFrame], hidden: int) -> str:
    headline = record.dataset.headline_arm
    drawn = [arm for arm, metric in curves if metric == "accuracy"] or [arm for arm, _ in curves]
    arm = headline if headline in drawn else drawn[0]
    metric = "accuracy" if (arm, "accuracy") in curves else "loss"
    frame = curves[arm, metric]
    first, last = frame.iloc[0], frame.iloc[-1]
    entry = record.dataset.arms[arm].at_round(int(last["round"]), f"test/{metric}")
    end = interval(entry) if entry.value is not None else number(last["value"])
    text = (
        f"{record.dataset.arms[arm].title} goes from {metric_label(metric)} {number(first['value'])} at "
        "round "
        f"{int(first['round'])} to {end} at round {int(last['round'])}"
    )
    listing = curves.get(("paper-listing", "accuracy"))
    if record.dataset_name == paper.PAPER_DATASET and listing is not None and arm != "paper-listing":
        text += (
            f", while the paper's listing ends at {number(listing['value'].iloc[-1])} "
            f"(the paper's Table 1: {number(paper.TABLE_1[5][1], 2)})"
        )
    others = f"; {plural(hidden, 'more arm')} under Privacy or in the table" if hidden > 0 else ""
    return f"{text}{others}; bands are 95 % intervals."
