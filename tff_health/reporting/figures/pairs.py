"""Fig. 11 of P1: pair plot of age, cholesterol and blood pressure, coloured by risk. Simulated rows only."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from data.federation import Federation
from tff_health.reporting import paper
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, plural, signed
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import BLUE, VERMILION, new_figure, plain_text

_POINTS = 1500


@register_figure("pairs", "Pair plot of patients' features", section="data", paper="Fig. 11")
def pairs(record: RunRecord) -> Drawing | None:
    """Scatter of each pair of features of simulated patients; a real patient's row is never drawn."""
    federation = record.simulated
    if federation is None or federation.kind != "simulated" or record.dataset.kind != "simulated":
        return None
    frame = pd.concat([hospital.train for hospital in federation.members], ignore_index=True)
    numeric = [column.name for column in federation.schema.features if column.is_numeric]
    chosen = [
        name
        for name in (
            next((n for n in numeric if n.lower() == "age"), None),
            paper.find_column(numeric, "cholesterol"),
            paper.find_column(numeric, "blood pressure"),
        )
        if name is not None
    ]
    if len(chosen) < 2:
        return None
    risk = paper.find_column(numeric, "risk")
    # A continuous risk colours by shade; without one the target's two classes do.
    shade = frame[risk].to_numpy(float) if risk else federation.labels(frame).astype(float)
    shown = frame.iloc[:_POINTS]
    size = len(chosen)
    figure = new_figure(6.0, 6.2)
    panels = figure.subplots(size, size)
    points = None
    for row, column in itertools.product(range(size), range(size)):
        axes = panels[row, column]
        if row == column:
            _diagonal(axes, frame[chosen[row]].to_numpy(float), None if risk else shade)
        else:
            points = axes.scatter(
                shown[chosen[column]],
                shown[chosen[row]],
                c=shade[: len(shown)] if risk else np.where(shade[: len(shown)] == 1, VERMILION, BLUE),
                cmap="viridis" if risk else None,
                s=7,
                alpha=0.6,
                linewidths=0,
                rasterized=True,
            )
        axes.tick_params(labelsize=8, labelbottom=row == size - 1, labelleft=column == 0 and row != 0)
        if row == size - 1:
            axes.set_xlabel(_axis(federation, chosen[column]), fontsize=9)
        if column == 0:
            axes.set_ylabel(_axis(federation, chosen[row]), fontsize=9)
    target = federation.schema[federation.schema.target]
    if risk and points is not None:
        bar = figure.colorbar(points, ax=panels, shrink=0.6, label=plain_text(risk))
        bar.solids.set_alpha(1)  # type: ignore[union-attr]
        coloured = f"coloured by {risk}"
    else:
        labels = list(target.codebook.values())
        for label, color in zip(labels, (BLUE, VERMILION), strict=True):
            panels[0, 1].scatter([], [], color=color, s=18, label=plain_text(label))
        handles, texts = panels[0, 1].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside upper right", ncols=2)
        coloured = f"coloured by {target.name}"
    outcome = frame[risk] if risk else pd.Series(shade)
    words = listing([f"{name} {signed(float(frame[name].corr(outcome)), 2)}" for name in chosen])
    caption = (
        f"{plural(len(shown), 'simulated patient')}, {coloured}; correlation with {risk or target.name} "
        "over all "
        f"{len(frame):,} training rows: {words}."
    )
    return Drawing(figure, caption, f"Scatter plots of {listing(chosen)} against each other. {caption}")


def _axis(federation: Federation, name: str) -> str:
    unit = federation.schema[name].unit
    return plain_text(f"{name.replace('_', ' ')} ({unit})" if unit else name.replace("_", " "))


def _diagonal(axes: Axes, values: np.ndarray, labels: np.ndarray | None) -> None:
    known = ~np.isnan(values)
    edges = np.histogram_bin_edges(values[known], bins=20)
    if labels is None:
        axes.hist(values[known], bins=edges.tolist(), color=BLUE, edgecolor="white", linewidth=0.5)
    else:
        for label, color in ((0, BLUE), (1, VERMILION)):
            axes.hist(
                values[known & (labels == label)], bins=edges.tolist(), color=color, histtype="step", linewidth=1.4
            )
    axes.set_yticks([])
    axes.grid(visible=False)
