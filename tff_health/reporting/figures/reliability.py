"""Reliability diagram: how often an event happens among patients given a certain risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, number, plural
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import GREY, ArmStyle, arm_styles, legend_below, new_figure, plain_text

_BINS = 10


@dataclass(frozen=True)
class Bins:
    """Patients by predicted risk, in ten bins of equal width; arrays are of the bins that hold anyone.

    Attributes:
        predicted: mean score in the bin.
        observed: share of positives in it.
        low: lower end of the share's 95 % Wilson interval.
        high: upper end.
        counts: patients in each of the ten bins, empty ones included.
    """

    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray


def reliability_bins(labels: np.ndarray, scores: np.ndarray) -> Bins:
    """Sorts patients into bins of predicted risk.

    Args:
        labels: int [patients], 0 or 1.
        scores: float [patients] in [0, 1].
    """
    index = np.clip((scores * _BINS).astype(int), 0, _BINS - 1)
    counts = np.bincount(index, minlength=_BINS)
    filled = np.flatnonzero(counts)
    positives = np.bincount(index, weights=labels, minlength=_BINS)[filled].astype(int)
    intervals = [
        binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in zip(positives, counts[filled], strict=True)
    ]
    return Bins(
        np.bincount(index, weights=scores, minlength=_BINS)[filled] / counts[filled],
        positives / counts[filled],
        np.array([ends.low for ends in intervals]),
        np.array([ends.high for ends in intervals]),
        counts,
    )


@register_figure("reliability", "Reliability of predicted risks")
def reliability(record: RunRecord) -> Drawing | None:
    """Observed against predicted risk for the headline arm, a hospital alone and pooled training."""
    arms = record.dataset.shown_arms
    wanted = [name for name in (record.dataset.headline_arm, "alone", "pooled") if name in arms] or list(arms)[:3]
    bins = {}
    for name in wanted:
        rows = record.first_seed(name).dropna(subset=["score"])
        if len(rows):
            bins[name] = reliability_bins(rows["label"].to_numpy(np.int64), rows["score"].to_numpy(np.float64))
    if not bins:
        return None
    styles = arm_styles(arms)
    figure = new_figure(5.6, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 1]})
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    for offset, (name, found) in enumerate(bins.items()):
        _points(upper, found, styles[name], 0.008 * (offset - (len(bins) - 1) / 2), plain_text(arms[name].title))
    upper.set_ylabel("Share that has the condition")
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    lead = next(iter(bins))
    edges = np.linspace(0, 1, _BINS + 1)
    lower.bar(edges[:-1] + 0.05, bins[lead].counts, width=0.09, color=styles[lead].color)
    for place, count in zip(edges[:-1] + 0.05, bins[lead].counts, strict=True):
        lower.annotate(f"{count}", (place, count), (0, 2), textcoords="offset points", ha="center", fontsize=8.5)
    lower.set_ylim(0, 1.25 * bins[lead].counts.max())
    lower.set_ylabel("Patients")
    lower.set_title(plain_text(arms[lead].title), fontsize=9.5, fontweight="normal")
    lower.set_xlabel("Predicted risk")
    lower.grid(visible=False)
    legend_below(figure, upper)
    return _with_words(record, figure, lead, bins[lead])


def _points(axes: Axes, found: Bins, style: ArmStyle, shift: float, label: str) -> None:
    # Wilson intervals can end a rounding error inside the estimate.
    below = np.maximum(found.observed - found.low, 0)
    above = np.maximum(found.high - found.observed, 0)
    axes.errorbar(
        found.predicted + shift,
        found.observed,
        yerr=[below, above],
        color=style.color,
        marker=style.marker,
        linestyle=style.line,
        elinewidth=0.9,
        label=label,
    )


def _with_words(record: RunRecord, figure: Figure, name: str, found: Bins) -> Drawing:
    counts = found.counts[found.counts > 0]
    gap = float(np.average(np.abs(found.predicted - found.observed), weights=counts))
    recorded = record.dataset.arms[name].metric("test/ece")
    error = interval(recorded) if recorded.value is not None else number(gap)
    edge = int(found.counts[0] + found.counts[-1])
    caption = (
        f"{record.dataset.arms[name].title}'s predicted risks lie {error} from the observed shares on "
        "average "
        f"(expected calibration error); {edge} of {plural(int(counts.sum()), 'held-out patient')} get a "
        "risk below "
        "10 % or of 90 % and more."
    )
    return Drawing(figure, caption, f"Observed share against predicted risk in ten bins. {caption}")
