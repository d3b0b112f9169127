"""Fig. 13 of P1: mode collapse, measured while generators train, with and without the means against it."""

from __future__ import annotations

from tff_health.reporting.figures.loss_curves import series, trained_arms
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, number
from tff_health.reporting.guarantee import named
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import legend_below, new_figure, plain_text
from tff_health.reporting.synthesis.arms import arms_for, plain_synthesisers
from tff_health.reporting.synthesis.curve_styles import curve_styles

MEASURES = {
    "categories_covered": "Share of real categories that appear",
    "modes_covered": "Share of real modes that appear",
    "duplicates": "Share of repeated rows",
    "entropy_ratio": "Entropy against real rows",
}
_MOST = 3


@register_figure("synthesis-collapse", "Mode collapse over training", section="synthesis", paper="Fig. 13")
def synthesis_collapse(record: RunRecord) -> Drawing | None:
    """Coverage and duplicates by update, for the full CTGAN and for those without packing or training by sampling."""
    dataset = record.dataset
    full = {name: arm for name, arm in plain_synthesisers(dataset).items() if arm.federated}
    arms = trained_arms({**full, **arms_for(dataset, "ablation")})
    styles = curve_styles(arms)
    measured = [measure for measure in MEASURES if any(len(series(arm, measure)[0]) > 1 for arm in arms.values())][
        :_MOST
    ]
    if not measured:
        return None
    figure = new_figure(5.8, 0.6 + 2.2 * len(measured))
    panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False).ravel()
    ends: dict[str, dict[str, float]] = {measure: {} for measure in measured}
    for axes, measure in zip(panels, measured, strict=True):
        for name, arm in arms.items():
            updates, values = series(arm, measure)
            if len(updates) < 2:
                continue
            ends[measure][named(arm)] = values[-1]
            every = max(1, len(updates) // 10)
            axes.plot(updates, values, label=plain_text(named(arm), 60), markevery=every, **styles[name].line_kwargs())
        axes.set_title(MEASURES[measure])
        axes.set_ylim(-0.03, max(1.03, axes.get_ylim()[1]))
    panels[-1].set_xlabel("Updates of the generator")
    fullest = max(panels, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
    legend_below(figure, fullest, columns=2)
    parts = [
        f"{MEASURES[measure][0].lower()}{MEASURES[measure][1:]}: "
        f"{listing([f'{title} {number(value, 2)}' for title, value in ends[measure].items()])}"
        for measure in measured
    ]
    caption = f"At the end of training, first split; {'; '.join(parts)}."
    return Drawing(figure, caption, f"Line charts of {len(measured)} measures of mode collapse by update. {caption}")
