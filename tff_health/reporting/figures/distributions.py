"""Fig. 8 of P1 (ages), and the same for other numeric features: histograms, never single rows."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import compact, listing, plural
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import ColumnStatistics, Histogram
from tff_health.reporting.style import BLUE, GREY, new_figure, plain_text

_PANELS = 6
_BINS = 20


def _with_histograms(record: RunRecord) -> list[ColumnStatistics]:
    statistics = record.dataset.statistics
    columns = statistics.columns if statistics else []
    return [column for column in columns if column.histogram and sum(column.histogram.counts) > 0]


def _is_age(column: ColumnStatistics) -> bool:
    return column.name.lower() in ("age", "age_years")


def rebinned(histogram: Histogram, at_most: int = _BINS) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring bins merged until few enough are left to look at; empty ones at both ends are dropped.

    Federated histograms are finer than eyes need, since quantiles are read off them.

    Returns:
        Edges, one more than counts, and counts; every count of the histogram is in one of them.
    """
    counts, edges = np.asarray(histogram.counts), np.asarray(histogram.edges)
    filled = np.flatnonzero(counts)
    first, end = int(filled[0]), int(filled[-1]) + 1
    step = -(-(end - first) // at_most)
    starts = np.arange(first, end, step)
    merged = np.add.reduceat(counts[:end], starts)
    # The last bar may take in empty bins beyond the last filled one, so that all are equally wide.
    last = min(int(starts[-1]) + step, len(counts))
    return np.append(edges[starts], edges[last]), merged


def _bars(axes: Axes, column: ColumnStatistics) -> None:
    assert column.histogram is not None
    edges, counts = rebinned(column.histogram)
    axes.bar(
        edges[:-1],
        counts,
        width=np.diff(edges),
        align="edge",
        color=BLUE,
        edgecolor="white",
        linewidth=0.7,
    )
    if column.mean is not None:
        axes.axvline(column.mean, color=GREY, linestyle="--", linewidth=1.2)
    axes.grid(visible=False, axis="x")


@register_figure("age", "Age distribution", section="data", paper="Fig. 8")
def age(record: RunRecord) -> Drawing | None:
    """Ages of training patients, where the dataset has them."""
    column = next((column for column in _with_histograms(record) if _is_age(column)), None)
    if column is None or column.histogram is None:
        return None
    figure = new_figure(5.8, 2.9)
    axes = figure.subplots()
    _bars(axes, column)
    axes.set_xlabel(plain_text(f"Age ({column.unit or 'years'})"))
    axes.set_ylabel("Training patients")
    edges, counts = rebinned(column.histogram)
    fullest = int(np.argmax(counts))
    caption = (
        f"Ages of {plural(round(float(counts.sum())), 'training patient')}: mean {compact(column.mean)}, "
        "standard "
        f"deviation {compact(column.sd)}, most between {edges[fullest]:.0f} and {edges[fullest + 1]:.0f} "
        f"({counts[fullest]:.0f}); the dashed line is the mean."
    )
    return Drawing(figure, caption, f"Histogram of age. {caption}")


@register_figure("distributions", "Distributions of features", section="data")
def distributions(record: RunRecord) -> Drawing | None:
    """Histograms of up to six further numeric features of training patients."""
    found = [column for column in _with_histograms(record) if not _is_age(column)]
    columns = found[:_PANELS]
    if not columns:
        return None
    across = min(len(columns), 3)
    rows = -(-len(columns) // across)
    figure = new_figure(6.0, 0.4 + 1.9 * rows)
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    for axes, column in zip(panels, columns, strict=False):
        _bars(axes, column)
        axes.set_title(plain_text(column.name, 22), fontsize=9.5, fontweight="normal")
        axes.set_xlabel(plain_text(column.unit, 22), fontsize=9)
        axes.tick_params(labelsize=8.5)
        axes.locator_params(nbins=4)
    for axes in panels[len(columns) :]:
        axes.set_visible(False)
    for axes in panels[::across]:
        axes.set_ylabel("Patients", fontsize=9)
    means = listing([f"{column.name} {compact(column.mean)} {column.unit}".strip() for column in columns[:3]])
    shown = "all" if len(found) == len(columns) else f"{len(columns)} of {len(found)}"
    caption = (
        f"{'Histograms' if record.simulated else 'Federated histograms'} of {shown} numeric features over "
        "all "
        f"hospitals' training patients; mean "
        f"{means} (dashed lines)."
    )
    return Drawing(figure, caption, f"Small histograms of {listing([c.name for c in columns])}. {caption}")
