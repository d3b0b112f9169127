"""Fig. 10 of P1, measured: accuracy and AUC against epsilon, with the paper's claim beside."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from tff_health.reporting.figure_10 import FIGURE_10_ACCURACY, IMPOSSIBLE, curve_words
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import metric_label
from tff_health.reporting.guarantee import epsilon_of, shared_terms
from tff_health.reporting.privacy_curve import PrivacyCurve, privacy_curves
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Metric
from tff_health.reporting.style import (
    GREEN,
    GREY,
    INK,
    PURPLE,
    ArmStyle,
    legend_below,
    new_figure,
    plain_text,
    unit_style,
)

_NONE_BEYOND = 3.0  # how many times the largest epsilon "none" stands at
_APART = 1.045  # factor between curves' points at the same epsilon
_LABELS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


@register_figure("privacy-utility", "Accuracy and AUC against epsilon", section="privacy", paper="Fig. 10")
def privacy_utility(record: RunRecord) -> Drawing | None:
    """Held-out accuracy and AUC by epsilon, for every unit with two epsilons or more; no noise at the right end."""
    dataset = record.dataset
    curves = privacy_curves(dataset)
    if not curves:
        return None
    epsilons = [epsilon_of(dataset.arms[name]) for curve in curves for name in curve.arms]
    end = _NONE_BEYOND * max(*epsilons, *FIGURE_10_ACCURACY)
    figure = new_figure(5.8, 5.4)
    panels = figure.subplots(2, 1, sharex=True)
    styles = _styles(curves)
    for axes, metric in zip(panels, ("accuracy", "auc"), strict=True):
        for place, (curve, style) in enumerate(zip(curves, styles, strict=True)):
            shift = _APART ** (place - (len(curves) - 1) / 2)
            _curve(axes, record, curve, metric, style, shift)
        ends = dict.fromkeys(curve.counterpart for curve in curves if curve.counterpart)
        for place, name in enumerate(ends):
            found = dataset.arms[name].metric(f"test/{metric}")
            shift = _APART ** (2 * place - (len(ends) - 1))
            _end(axes, found, end * shift, "vD^"[place % 3], plain_text(dataset.arms[name].title, 44))
        axes.set_title(f"Held-out {metric_label(metric)}")
        axes.set_xscale("log")
        axes.axvline(math.sqrt(end * max(*epsilons, *FIGURE_10_ACCURACY)), color=GREY, linewidth=0.6)
    panels[0].plot(
        list(FIGURE_10_ACCURACY),
        list(FIGURE_10_ACCURACY.values()),
        color=GREY,
        linestyle=":",
        marker="X",
        markersize=8,
        label="P1, Fig. 10 (claimed)",
    )
    _ticks(panels[1], min(*epsilons, *FIGURE_10_ACCURACY), end)
    legend_below(figure, panels[0], columns=2)
    arms = [dataset.arms[name] for curve in curves for name in curve.arms]
    words = "; ".join(curve_words(dataset, curve) for curve in curves)
    caption = (
        f"{words[0].upper()}{words[1:]}. The paper has accuracy fall from "
        f"{' to '.join(f'{value:.2f} at epsilon {epsilon:g}' for epsilon, value in FIGURE_10_ACCURACY.items())}, which "
        f"is impossible: {IMPOSSIBLE[0].lower()}{IMPOSSIBLE[1:]}. Bars are 95 % intervals. {shared_terms(arms)}"
    )
    return Drawing(figure, caption, f"Line charts of accuracy and AUC against epsilon on a log axis. {caption}")


def _styles(curves: list[PrivacyCurve]) -> list[ArmStyle]:
    """The unit's style for its first curve, further ones in colours of their own."""
    others = iter([ArmStyle(GREEN, "P", "-."), ArmStyle(PURPLE, "*", (0, (1, 1.2)))] * len(curves))  # type: ignore[arg-type]
    seen: set[str] = set()
    styles = []
    for curve in curves:
        styles.append(next(others) if curve.unit in seen else unit_style(curve.unit))
        seen.add(curve.unit)
    return styles


def _curve(axes: Axes, record: RunRecord, curve: PrivacyCurve, metric: str, style: ArmStyle, shift: float) -> None:
    arms = [record.dataset.arms[name] for name in curve.arms]
    found = [(epsilon_of(arm), arm.metric(f"test/{metric}")) for arm in arms]
    points = [(epsilon * shift, one) for epsilon, one in found if one.value is not None]
    for epsilon, one in points:
        if one.low is not None and one.high is not None:
            axes.plot([epsilon] * 2, [one.low, one.high], color=style.color, linewidth=1.1)
    axes.plot(
        [epsilon for epsilon, _ in points],
        [one.value for _, one in points if one.value is not None],
        label=plain_text(curve.label, 60),
        **style.line_kwargs(),
    )


def _end(axes: Axes, found: Metric, place: float, marker: str, label: str) -> None:
    if found.value is None:
        return
    axes.axhline(found.value, color=INK, linewidth=0.7, linestyle=":")
    if found.low is not None and found.high is not None:
        axes.plot([place] * 2, [found.low, found.high], color=INK, linewidth=1.1)
    axes.plot(place, found.value, color=INK, marker=marker, linestyle="", label=f"{label}, no guarantee")


def _ticks(axes: Axes, smallest: float, end: float) -> None:
    ticks = [label for label in _LABELS if 0.9 * smallest <= label < 0.6 * end]
    axes.set_xticks([*ticks, end], [*(f"{label:g}" for label in ticks), "none"])
    axes.set_xticks([], minor=True)
    axes.set_xlim(smallest / 1.4, end * 1.4)
    axes.set_xlabel("Epsilon (less noise to the right)")
