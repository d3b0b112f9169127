"""How far correlations of synthetic rows are from those of real ones."""

from __future__ import annotations

import numpy as np

from tff_health.reporting.document import Correlation
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, number, signed
from tff_health.reporting.guarantee import named
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import DatasetResult
from tff_health.reporting.style import DIVERGING, new_figure, plain_text
from tff_health.reporting.synthesis.arms import arms_for, headline

_ANNOTATED = 16


@register_figure("synthesis-correlation", "Correlations: synthetic minus real", section="synthesis")
def synthesis_correlation(record: RunRecord) -> Drawing | None:
    """Differences of Pearson correlations for the arm that speaks for synthesis; every arm's mean in the caption."""
    dataset = record.dataset
    real = _real(dataset)
    if real is None or len(real.names) < 2:
        return None
    differences = {
        name: _matrix(arm.synthesis.correlation, real.names) - _matrix(real, real.names)
        for name, arm in arms_for(dataset, "synthesiser").items()
        if arm.synthesis and arm.synthesis.correlation
    }
    best = headline(dataset)
    name = best if best in differences else next(iter(differences), None)
    if name is None:
        return None
    matrix, size = differences[name], len(real.names)
    side = float(np.clip(1.9 + 0.36 * size, 3.6, 7.0))
    figure = new_figure(min(side + 1.0, 7.6), min(side, 6.4))
    axes = figure.subplots()
    limit = max(0.3, float(np.nanmax(np.abs(matrix))) if np.isfinite(matrix).any() else 0.3)
    image = axes.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit)
    labels = [plain_text(one, 22) for one in real.names]
    axes.set_xticks(range(size), labels, rotation=90)
    axes.set_yticks(range(size), labels)
    axes.tick_params(labelsize=8.5 if size <= _ANNOTATED else 7, length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if size <= _ANNOTATED:
        for row, column in np.ndindex(size, size):
            value = matrix[row, column]
            if row != column and np.isfinite(value):
                strong = abs(value) > 0.6 * limit
                text = signed(float(value), 2)
                axes.text(
                    column, row, text, ha="center", va="center", fontsize=6.5, color="white" if strong else "black"
                )
    figure.colorbar(image, ax=axes, shrink=0.8, label="Correlation, synthetic minus real")
    caption = _caption(dataset, name, differences, real.names)
    return Drawing(figure, caption, f"Heatmap of correlation differences between {size} columns. {caption}")


def _real(dataset: DatasetResult) -> Correlation | None:
    if dataset.synthesis is not None and dataset.synthesis.correlation is not None:
        return dataset.synthesis.correlation
    return dataset.statistics.correlation if dataset.statistics else None


def _matrix(table: Correlation, names: list[str]) -> np.ndarray:
    """The correlations in the order of `names`, float [names, names]; NaN where the table lacks a column."""
    found = np.full((len(names), len(names)), np.nan)
    known = {name: place for place, name in enumerate(table.names)}
    for row, first in enumerate(names):
        for column, second in enumerate(names):
            if first in known and second in known:
                value = table.matrix[known[first]][known[second]]
                found[row, column] = np.nan if value is None else value
    return found


def _caption(dataset: DatasetResult, name: str, differences: dict[str, np.ndarray], names: list[str]) -> str:
    rows, columns = np.triu_indices(len(names), k=1)
    values = differences[name][rows, columns]
    if not np.isfinite(values).any():
        return "No difference is defined: every column is constant in one of the tables."
    worst = int(np.nanargmax(np.abs(values)))
    means = {one: _mean(matrix[rows, columns]) for one, matrix in differences.items()}
    ordered = sorted((one for one in means if np.isfinite(means[one])), key=means.__getitem__)
    told = list(dict.fromkeys([name, *ordered[:1], *ordered[-1:]]))
    others = listing([f"{named(dataset.arms[one])} {number(means[one], 3)}" for one in told])
    return (
        f"{named(dataset.arms[name])}: the largest difference is {signed(float(values[worst]), 2)}, between "
        f"{names[rows[worst]]} and {names[columns[worst]]}. Mean absolute difference over pairs: {others}"
        f"{' (the arm, the nearest and the farthest of all)' if len(told) > 2 else ''}."
    )


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(np.abs(values))) if np.isfinite(values).any() else float("nan")
