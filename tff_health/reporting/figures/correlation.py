"""Fig. 9 of P1: correlation heatmap of the features."""

from __future__ import annotations

import numpy as np

from tff_health.reporting import paper
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, number, percent, signed
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import DIVERGING, INK, new_figure, plain_text

_ANNOTATED = 12


@register_figure("correlation", "Correlation of features", section="data", paper="Fig. 9")
def correlation(record: RunRecord) -> Drawing | None:
    """Pearson correlations of training rows, from federated moments."""
    statistics = record.dataset.statistics
    table = statistics.correlation if statistics else None
    if table is None or len(table.names) < 2:
        return None
    matrix = np.array([[np.nan if cell is None else cell for cell in row] for row in table.matrix])
    size = len(table.names)
    side = float(np.clip(1.9 + 0.42 * size, 3.6, 7.4))
    figure = new_figure(min(side + 1.0, 7.6), side)
    axes = figure.subplots()
    image = axes.imshow(matrix, cmap=DIVERGING, vmin=-1, vmax=1)
    labels = [plain_text(name, 24) for name in table.names]
    small = 9.5 if size <= _ANNOTATED else 7.5
    axes.set_xticks(range(size), labels, rotation=90 if size > 4 else 30, ha="center" if size > 4 else "right")
    axes.set_yticks(range(size), labels)
    axes.tick_params(labelsize=small, length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if size <= _ANNOTATED:
        for row in range(size):
            for column in range(size):
                value = matrix[row, column]
                axes.text(
                    column,
                    row,
                    "" if np.isnan(value) else number(float(value), 2),
                    ha="center",
                    va="center",
                    fontsize=9 if size <= 8 else 7.5,
                    color="white" if abs(value) > 0.6 else INK,
                )
    figure.colorbar(image, ax=axes, shrink=0.8, label="Pearson correlation")
    caption = _caption(record, table.names, matrix)
    return Drawing(figure, caption, f"Heatmap of correlations between {size} columns. {caption}")


def _caption(record: RunRecord, names: list[str], matrix: np.ndarray) -> str:
    rows, columns = np.triu_indices(len(names), k=1)
    values = matrix[rows, columns]
    known = ~np.isnan(values)
    if not known.any():
        return "No correlation is defined: every column is constant."
    strongest = int(np.nanargmax(np.abs(values)))
    weak = float(np.mean(np.abs(values[known]) < 0.3))
    text = (
        f"The strongest correlation is {signed(float(values[strongest]), 2)}, between "
        f"{names[rows[strongest]]} and "
        f"{names[columns[strongest]]}; {percent(weak)} of pairs lie within 0.3 of zero"
    )
    if record.dataset_name == paper.COHORT:
        pairs = []
        for (first, second), theirs in paper.FIGURE_9_CORRELATIONS.items():
            a, b = paper.find_column(names, first), paper.find_column(names, second)
            if a is not None and b is not None:
                ours = float(matrix[names.index(a), names.index(b)])
                pairs.append(f"{first} and {second} {number(ours, 2)} (paper {number(theirs, 2)})")
        if pairs:
            text += f"; {listing(pairs)}"
    return text + "."
