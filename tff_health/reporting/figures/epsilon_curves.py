"""Metrics against epsilon: a curve for each family of private arms, beside what is real and what has no guarantee."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tff_health.reporting.guarantee import epsilon_of, is_private, named
from tff_health.reporting.privacy_curve import PrivacyCurve
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.style import GREEN, INK, ArmStyle, legend_below, new_figure, plain_text
from tff_health.reporting.synthesis.arms import level
from tff_health.reporting.synthesis.curve_styles import curve_styles

_APART = 1.05  # factor between curves' points at the same epsilon
_END = 2.5  # how many times the largest epsilon "none" stands at


@dataclass(frozen=True)
class EpsilonPanel:
    """One metric.

    Attributes:
        title: of the panel.
        metric: name of the arms' metric.
        real: the same of what is real.
    """

    title: str
    metric: str
    real: Metric


def draw_epsilon_curves(
    dataset: DatasetResult,
    curves: Sequence[PrivacyCurve],
    panels: Sequence[EpsilonPanel],
    *,
    real_label: str,
    best: str | None,
) -> Figure:
    """Panels above each other, epsilon to the right.

    Args:
        dataset: whose arms the curves name.
        curves: one or more.
        panels: one or more.
        real_label: of the line and band of what is real.
        best: name of the arm that stands at the end, where epsilon is "none"; None for none.
    """
    epsilons = [epsilon_of(dataset.arms[name]) for curve in curves for name in curve.arms]
    end = _END * max(epsilons)
    styles = curve_styles(curve.arms[0] for curve in curves)
    figure = new_figure(5.8, 2.8 * len(panels))
    drawn = figure.subplots(len(panels), 1, sharex=True, squeeze=False).ravel()
    for axes, panel in zip(drawn, panels, strict=True):
        for place, curve in enumerate(curves):
            _curve(axes, dataset, curve, panel.metric, place - (len(curves) - 1) / 2, styles[curve.arms[0]])
        _real(axes, panel.real, real_label)
        if best is not None:
            _point(axes, dataset.arms[best].metric(panel.metric), end, _endpoint(dataset.arms[best]))
        axes.set_title(panel.title)
        axes.set_xscale("log")
    ticks = sorted({float(level(name, dataset.arms[name])) for curve in curves for name in curve.arms})
    drawn[-1].set_xticks([*ticks, end], [*(f"{tick:g}" for tick in ticks), "none"])
    drawn[-1].set_xticks([], minor=True)
    drawn[-1].set_xlabel("Epsilon (less noise to the right)")
    legend_below(figure, drawn[0], columns=2)
    return figure


def _curve(axes: Axes, dataset: DatasetResult, curve: PrivacyCurve, metric: str, place: float, style: ArmStyle) -> None:
    found = [(epsilon_of(dataset.arms[name]), dataset.arms[name].metric(metric)) for name in curve.arms]
    known = [(epsilon * _APART**place, one) for epsilon, one in found if one.value is not None]
    for epsilon, one in known:
        if one.low is not None and one.high is not None:
            axes.plot([epsilon] * 2, [one.low, one.high], color=style.color, linewidth=1.1)
    values = [one.value for _, one in known if one.value is not None]
    axes.plot([epsilon for epsilon, _ in known], values, label=plain_text(curve.label, 60), **style.line_kwargs())


def _real(axes: Axes, real: Metric, label: str) -> None:
    if real.value is None:
        return
    axes.axhline(real.value, color=GREEN, linewidth=1.3, linestyle=":", label=label)
    if real.low is not None and real.high is not None:
        axes.axhspan(real.low, real.high, color=GREEN, alpha=0.1, linewidth=0)


def _point(axes: Axes, metric: Metric, place: float, label: str) -> None:
    if metric.value is None or not math.isfinite(place):
        return
    if metric.low is not None and metric.high is not None:
        axes.plot([place] * 2, [metric.low, metric.high], color=INK, linewidth=1.1)
    axes.plot(place, metric.value, color=INK, marker="D", linestyle="", label=plain_text(label, 60))


def _endpoint(arm: Arm) -> str:
    return named(arm) if is_private(arm) else f"{arm.title}, no guarantee"
