"""Fig. 7 of P1: how patients divide over diagnoses."""

from __future__ import annotations

from tff_health.reporting import paper
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, percent, plural
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import ColumnStatistics
from tff_health.reporting.style import BLUE, INK, legend_below, new_figure, plain_text


def _diagnosis(record: RunRecord) -> ColumnStatistics | None:
    statistics = record.dataset.statistics
    if statistics is None:
        return None
    for name in ("diagnosis", record.dataset.target):
        column = statistics.column(name)
        if column is not None and column.categories and sum(column.categories.values()) > 0:
            return column
    return None


@register_figure("shares", "Patients by diagnosis", section="data", paper="Fig. 7")
def shares(record: RunRecord) -> Drawing | None:
    """Shares of the diagnosis (of the target, where there is no such column) among training patients."""
    column = _diagnosis(record)
    if column is None or column.categories is None:
        return None
    total = sum(column.categories.values())
    found = {label: count / total for label, count in column.categories.items()}
    figure = new_figure(5.8, 0.9 + 0.42 * len(found))
    axes = figure.subplots()
    places = range(len(found))
    axes.barh(places, [100 * share for share in found.values()], color=BLUE, height=0.6)
    theirs = {label: share for label, share in paper.FIGURE_7_SHARES.items() if label in found}
    if theirs:
        axes.plot(
            [100 * share for share in theirs.values()],
            [list(found).index(label) for label in theirs],
            linestyle="",
            marker="D",
            mfc="white",
            mec=INK,
            label="P1, Fig. 7",
        )
        legend_below(figure, axes)
    for place, share in zip(places, found.values(), strict=True):
        inside = share > 0.2 * max(found.values())
        axes.annotate(
            percent(share, 1),
            (0 if inside else 100 * share, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            color="white" if inside else INK,
        )
    axes.set_yticks(places, [plain_text(label) for label in found])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 100 * max(*found.values(), *theirs.values(), 0.01) * 1.08)
    axes.set_xlabel("Share of training patients (%)")
    parts = listing([f"{label} ({percent(share, 1)})" for label, share in found.items()])
    caption = f"Of {plural(round(total), 'training patient')}: {parts}"
    if theirs:
        gap = max(abs(found[label] - share) for label, share in theirs.items())
        caption += f"; the largest distance from the paper's shares is {100 * gap:.1f} points"
    return Drawing(figure, caption + ".", f"Bar chart of {column.name} shares. {caption}.")
