"""Accuracy and AUC of classifiers trained on synthetic rows, against epsilon."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.guarantee import epsilon_of, is_private, named, shared_terms
from tff_health.reporting.privacy_curve import PrivacyCurve, privacy_curves
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.style import (
    GREEN,
    INK,
    ArmStyle,
    legend_below,
    new_figure,
    plain_text,
)
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    headline,
    level,
    plain_synthesisers,
    private_synthesisers,
    real_metric,
)
from tff_health.reporting.synthesis.budgets import budgets, gan_sentence, winners_sentence
from tff_health.reporting.synthesis.curve_styles import curve_styles

_APART = 1.05  # factor between curves' points at the same epsilon
_END = 2.5  # how many times the largest epsilon "none" stands at


@register_figure("synthesis-epsilon", "Synthetic patients' worth against epsilon", section="synthesis")
def synthesis_epsilon(record: RunRecord) -> Drawing | None:
    """Mean accuracy and AUC by epsilon for every synthesiser with two epsilons or more, beside real rows."""
    dataset = record.dataset
    shown = {**plain_synthesisers(dataset), **private_synthesisers(dataset)}
    curves = privacy_curves(dataset.model_copy(update={"arms": shown}))
    if not curves:
        return None
    epsilons = [epsilon_of(dataset.arms[name]) for curve in curves for name in curve.arms]
    end = _END * max(epsilons)
    styles = curve_styles(curve.arms[0] for curve in curves)
    figure = new_figure(5.8, 5.6)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, metric, title in zip(panels, (MEAN_ACCURACY, MEAN_AUC), ("Accuracy", "AUC"), strict=True):
        for place, curve in enumerate(curves):
            _curve(axes, dataset, curve, metric, place - (len(curves) - 1) / 2, styles[curve.arms[0]])
        _real(axes, real_metric(dataset, metric))
        best = headline(dataset)
        if best is not None:
            _point(axes, dataset.arms[best].metric(metric), end, _endpoint(dataset.arms[best]))
        axes.set_title(f"{title} on held-out real patients")
        axes.set_xscale("log")
    ticks = sorted({float(level(name, dataset.arms[name])) for curve in curves for name in curve.arms})
    panels[1].set_xticks([*ticks, end], [*(f"{tick:g}" for tick in ticks), "none"])
    panels[1].set_xticks([], minor=True)
    panels[1].set_xlabel("Epsilon (less noise to the right)")
    legend_below(figure, panels[0], columns=2)
    found = budgets(dataset)
    terms = shared_terms(dataset.arms[name] for curve in curves for name in curve.arms)
    caption = " ".join(filter(None, (winners_sentence(found), gan_sentence(found), "Bars are 95 % intervals.", terms)))
    return Drawing(figure, caption, f"Line charts of mean accuracy and AUC against epsilon. {caption}")


def _curve(axes: Axes, dataset: DatasetResult, curve: PrivacyCurve, metric: str, place: float, style: ArmStyle) -> None:
    found = [(epsilon_of(dataset.arms[name]), dataset.arms[name].metric(metric)) for name in curve.arms]
    known = [(epsilon * _APART**place, one) for epsilon, one in found if one.value is not None]
    for epsilon, one in known:
        if one.low is not None and one.high is not None:
            axes.plot([epsilon] * 2, [one.low, one.high], color=style.color, linewidth=1.1)
    values = [one.value for _, one in known if one.value is not None]
    axes.plot([epsilon for epsilon, _ in known], values, label=plain_text(curve.label, 60), **style.line_kwargs())


def _real(axes: Axes, real: Metric) -> None:
    if real.value is None:
        return
    axes.axhline(real.value, color=GREEN, linewidth=1.3, linestyle=":", label="Real rows")
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
