"""Fig. 15 of P1: ROC curves of held-out patients, with a bootstrap band."""

from __future__ import annotations

import numpy as np

from tff_health.reporting import paper
from tff_health.reporting.curves import bootstrap_weights, roc_curves
from tff_health.reporting.figures.compared_arms import compared_arms, left_out
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, number, plural
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Metric
from tff_health.reporting.style import GREY, arm_styles, legend_below, new_figure, plain_text

_REPLICATES = 500
_GRID = np.linspace(0, 1, 101)


@register_figure("roc", "ROC curves", paper="Fig. 15")
def roc(record: RunRecord) -> Drawing | None:
    """ROC curve of each arm (first seed), with a 95 % pointwise band around the headline arm's."""
    styles = arm_styles(record.dataset.shown_arms)
    drawn: dict[str, Metric] = {}
    figure = new_figure(5.6, 4.9)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    headline = record.dataset.headline_arm
    for name, arm in compared_arms(record.dataset).items():
        rows = record.first_seed(name).dropna(subset=["score"])
        labels, scores = rows["label"].to_numpy(np.int64), rows["score"].to_numpy(np.float64)
        if len(np.unique(labels)) < 2:
            continue
        curve = roc_curves(labels, scores)
        recorded = arm.metric("test/auc")
        drawn[name] = recorded if recorded.value is not None else Metric(value=float(curve.area[0]), n=len(rows))
        axes.plot(
            curve.false_positive_rate[0],
            curve.true_positive_rate[0],
            color=styles[name].color,
            linestyle=styles[name].line,
            label=f"{plain_text(arm.title, 44)}: {interval(drawn[name], 2)}",
        )
        if name == headline:
            draws = roc_curves(labels, scores, bootstrap_weights(len(labels), _REPLICATES, seed=0)).at(_GRID)
            low, high = np.nanpercentile(draws, [2.5, 97.5], axis=0)
            axes.fill_between(_GRID, low, high, color=styles[name].color, alpha=0.15, linewidth=0)
    if not drawn:
        return None
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel("False positive rate (1 \N{MINUS SIGN} specificity)")
    axes.set_ylabel("True positive rate (sensitivity)")
    legend_below(figure, axes, columns=2)
    shown = headline if headline in drawn else next(iter(drawn))
    patients = len(record.first_seed(shown))
    caption = (
        f"{record.dataset.arms[shown].title} has an AUC of {interval(drawn[shown])} on "
        f"{plural(patients, 'held-out patient')}; the paper states {number(paper.FIGURE_15_AUC, 2)} without "
        "naming "
        "its patients"
    )
    seeds = record.predictions["seed"].nunique()
    if seeds > 1:
        caption += f" (curves of the first of {seeds} seeds, AUC over all)"
    caption += left_out(record.dataset, len(drawn))
    if headline in drawn:
        caption += "; the band is a 95 % bootstrap interval"
    return Drawing(figure, caption + ".", f"ROC curves of {plural(len(drawn), 'arm')}. {caption}.")
