"""How patients and classes are spread over the hospitals: the skew that federation has to cope with."""

from __future__ import annotations

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import percent, plural
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import BLUE, RULE, STONE, new_figure, plain_text


@register_figure("hospitals", "Training data by hospital and class", section="data")
def hospitals(record: RunRecord) -> Drawing | None:
    """Stacked bars of each hospital's training patients, positive and negative."""
    counts = {name: count for name, count in record.dataset.hospitals.items() if count.train > 0}
    if not counts:
        return None
    figure = new_figure(5.8, 1.4 + 0.36 * len(counts))
    axes = figure.subplots()
    places = range(len(counts))
    positive = [count.train_positive for count in counts.values()]
    negative = [count.train - count.train_positive for count in counts.values()]
    label = record.dataset.positive or "positives"
    axes.barh(places, positive, color=BLUE, height=0.62, label=plain_text(label))
    axes.barh(
        places,
        negative,
        left=positive,
        color=RULE,
        edgecolor=STONE,
        linewidth=0.5,
        height=0.62,
        label="other",
    )
    for place, count in zip(places, counts.values(), strict=True):
        share = percent(count.train_positive / count.train)
        axes.annotate(share, (count.train, place), (5, 0), textcoords="offset points", va="center", fontsize=9.5)
    axes.set_yticks(places, [plain_text(name) for name in counts])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.14 * max(count.train for count in counts.values()))
    unit = "images" if record.dataset.images else "patients"
    axes.set_xlabel(f"Training {unit}")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    shares = {name: count.train_positive / count.train for name, count in counts.items()}
    low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    sizes = [count.train for count in counts.values()]
    each = f"{min(sizes):,}" if min(sizes) == max(sizes) else f"{min(sizes):,} to {max(sizes):,}"
    caption = f"{plural(len(counts), 'hospital')}, {each} training {unit} each; the share labelled {label} "
    if percent(shares[low]) == percent(shares[high]):
        caption += f"is {percent(shares[low])} everywhere."
    else:
        caption += f"runs from {percent(shares[low])} ({low}) to {percent(shares[high])} ({high})."
    return Drawing(figure, caption, f"Stacked bars by hospital. {caption}")
