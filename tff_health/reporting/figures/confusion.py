"""Fig. 14 of P1: confusion matrices of held-out patients."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes

from tff_health.reporting.figures.compared_arms import compared_arms, left_out
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import percent, plural
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Confusion
from tff_health.reporting.style import INK, SEQUENTIAL, new_figure, plain_text

_ACROSS = 3


@register_figure("confusion", "Confusion matrices", paper="Fig. 14")
def confusion(record: RunRecord) -> Drawing | None:
    """Counts, and shares of the true class, at each arm's threshold (first seed)."""
    found = {name: arm.confusion for name, arm in compared_arms(record.dataset).items() if arm.confusion}
    if not found:
        return None
    across = min(len(found), _ACROSS)
    rows = -(-len(found) // across)
    figure = new_figure(2.2 * across + 0.6, 2.3 * rows)
    panels = figure.subplots(rows, across, squeeze=False)
    positive = record.dataset.positive or "positive"
    for axes, (name, counts) in zip(panels.ravel(), found.items(), strict=False):
        _matrix(axes, counts)
        axes.set_title(textwrap.fill(plain_text(record.dataset.arms[name].title, 60), 24), fontsize=9)
        axes.set_xticks([0, 1], ["no", "yes"])
        axes.set_yticks([0, 1], ["no", "yes"], rotation=90, va="center")
    for axes in panels.ravel()[len(found) :]:
        axes.set_visible(False)
    figure.supxlabel("Predicted", fontsize=10)
    figure.supylabel("True", fontsize=10)
    return Drawing(figure, *_words(record, found, positive))


def _matrix(axes: Axes, counts: Confusion) -> None:
    cells = np.array([[counts.tn, counts.fp], [counts.fn, counts.tp]], float)
    totals = cells.sum(axis=1, keepdims=True)
    shares = np.divide(cells, totals, out=np.zeros_like(cells), where=totals > 0)
    axes.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1.15)
    for row in range(2):
        for column in range(2):
            share = percent(float(shares[row, column])) if totals[row, 0] else "none"
            axes.text(
                column,
                row,
                f"{cells[row, column]:.0f}\n{share}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.6 else INK,
                fontsize=10,
            )
    axes.grid(visible=False)
    axes.tick_params(length=0, labelsize=9)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _words(record: RunRecord, found: dict[str, Confusion], positive: str) -> tuple[str, str]:
    headline = record.dataset.headline_arm
    name = headline if headline in found else next(iter(found))
    counts = found[name]
    total = counts.tn + counts.fp + counts.fn + counts.tp
    seeds = max((len(metric.seeds) for metric in record.dataset.arms[name].metrics.values()), default=0)
    which = "first seed, " if seeds > 1 else ""
    caption = (
        f"{record.dataset.arms[name].title} classifies {counts.tn + counts.tp} of "
        f"{plural(total, 'held-out patient')} rightly ({which}threshold {counts.threshold:g}): it misses "
        f"{counts.fn} of {counts.fn + counts.tp} labelled {positive} and raises "
        f"{plural(counts.fp, 'false alarm')}; "
        f"the paper's matrix has 8 patients{left_out(record.dataset, len(found))}."
    )
    return caption, f"Two-by-two matrices of true against predicted class for {len(found)} arms. {caption}"
