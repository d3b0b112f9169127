"""Fig. 16 of P1: real and synthetic distributions side by side, column by column."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, number, percent
from tff_health.reporting.guarantee import named
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import BLUE, VERMILION, new_figure, plain_text
from tff_health.reporting.synthesis.arms import arms_for, headline
from tff_health.reporting.synthesis_document import ColumnComparison

_MOST = 18
_ACROSS = 3
_LABELLED = 6  # categories whose names fit under a panel
_NAMED = 3


@register_figure("synthesis-columns", "Every column, real and synthetic", section="synthesis", paper="Fig. 16")
def synthesis_columns(record: RunRecord) -> Drawing | None:
    """Shares by bin or category among real training rows and synthetic ones, for the arm that speaks for synthesis."""
    arms = {name: arm for name, arm in arms_for(record.dataset, "synthesiser").items() if _columns(arm.synthesis)}
    best = headline(record.dataset)
    name = best if best in arms else next(iter(arms), None)
    if name is None:
        return None
    arm = arms[name]
    columns = _columns(arm.synthesis)
    distances = {column.name: distance(column) for column in columns}
    far = sorted(distances, key=distances.__getitem__, reverse=True)
    chosen = {record.dataset.target, *far[: _MOST - 1]} if len(columns) > _MOST else set(distances)
    shown = [column for column in columns if column.name in chosen]
    across = min(len(shown), _ACROSS)
    rows = -(-len(shown) // across)
    figure = new_figure(6.8, 0.5 + 1.75 * rows)
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    for axes, column in zip(panels, shown, strict=False):
        _panel(axes, column)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[::across]:
        axes.set_ylabel("Share of rows", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    gaps = [
        f"{column.name} ({percent(column.real_missing)} real, {percent(column.synthetic_missing)} synthetic)"
        for column in columns
        if column.real_missing is not None
        and column.synthetic_missing is not None
        and max(column.real_missing, column.synthetic_missing) > 0
    ]
    missing = f" Missing cells: {listing(gaps)}." if gaps else ""
    some = "all" if len(shown) == len(columns) else f"the target and the {len(shown) - 1} least alike of {len(columns)}"
    caption = (
        f"Shares among real training rows and rows of {named(arm)}: {some} columns. On average "
        f"{percent(float(np.mean(list(distances.values()))))} of the synthetic rows would have to move to another bin "
        f"or category to match; the worst: {listing([f'{one} {number(distances[one], 2)}' for one in far[:_NAMED]])} "
        f"(total variation distance).{missing}"
    )
    return Drawing(figure, caption, f"Small histograms of {len(shown)} columns, real beside synthetic. {caption}")


def distance(column: ColumnComparison) -> float:
    """Total variation distance of the two distributions as binned: 0 alike, 1 without overlap."""
    return float(np.abs(np.asarray(column.real) - np.asarray(column.synthetic)).sum() / 2)


def _columns(synthesis: object) -> list[ColumnComparison]:
    return list(getattr(synthesis, "columns", []))


def _panel(axes: Axes, column: ColumnComparison) -> None:
    real, synthetic = np.asarray(column.real), np.asarray(column.synthetic)
    if column.edges:
        edges = np.asarray(column.edges)
        axes.bar(
            edges[:-1],
            real,
            width=np.diff(edges),
            align="edge",
            color=BLUE,
            alpha=0.45,
            edgecolor="white",
            linewidth=0.5,
            label="Real",
        )
        axes.stairs(synthetic, edges, color=VERMILION, linewidth=1.7, label="Synthetic")
        axes.set_xlabel(plain_text(column.unit, 22), fontsize=8.5)
        axes.locator_params(axis="x", nbins=4)
    else:
        places = np.arange(len(real))
        axes.bar(places - 0.2, real, width=0.38, color=BLUE, alpha=0.45, label="Real")
        axes.bar(places + 0.2, synthetic, width=0.38, color=VERMILION, alpha=0.9, label="Synthetic")
        few = len(real) <= _LABELLED
        longest = max((len(label) for label in column.labels), default=0)
        slanted = longest * len(real) > 24
        labels = [plain_text(label, 17) for label in column.labels] if few else []
        axes.set_xticks(
            places if few else [], labels, rotation=30 if slanted else 0, ha="right" if slanted else "center"
        )
    axes.set_title(plain_text(column.name, 24), fontsize=9.5, fontweight="normal")
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="y", nbins=4)
    axes.grid(visible=False, axis="x")
