"""What every arm's synthetic rows are worth, beside real rows."""

from __future__ import annotations

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, listing
from tff_health.reporting.guarantee import is_private, named
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Metric
from tff_health.reporting.style import BLUE, GREEN, GREY, STONE, new_figure, two_lines
from tff_health.reporting.synthesis.arms import MEAN_ACCURACY, MEAN_AUC, headline, purpose, real_metric
from tff_health.reporting.synthesis.tables import measured_arms


@register_figure("synthesis-arms", "Train on synthetic, test on real: all arms", section="synthesis")
def synthesis_arms(record: RunRecord) -> Drawing | None:
    """A dot and a 95 % interval for each arm's mean accuracy and AUC; the vertical line is real rows."""
    dataset = record.dataset
    arms = {
        name: arm
        for name, arm in measured_arms(dataset).items()
        if any(arm.metric(metric).value is not None for metric in (MEAN_ACCURACY, MEAN_AUC))
    }
    if not arms:
        return None
    figure = new_figure(6.8, 1.1 + 0.36 * (len(arms) + 1))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, name, title in zip(panels, (MEAN_ACCURACY, MEAN_AUC), ("Accuracy", "AUC"), strict=True):
        real = real_metric(dataset, name)
        rows: list[tuple[Metric, str, str]] = [(real, GREEN, "D")]
        for key, arm in arms.items():
            private = is_private(arm)
            ordinary = purpose(key, arm) == "synthesiser"
            rows.append((arm.metric(name), BLUE if private else GREY if ordinary else STONE, "o" if ordinary else "x"))
        for place, (metric, color, marker) in enumerate(rows):
            if metric.value is None:
                continue
            if metric.low is not None and metric.high is not None:
                axes.plot([metric.low, metric.high], [place, place], color=color, linewidth=2.2)
            axes.plot(metric.value, place, color=color, marker=marker, markersize=7)
        if real.value is not None:
            axes.axvline(real.value, color=GREEN, linewidth=0.9, linestyle=":")
        axes.set_title(title)
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=5)
    titles = ["Real rows", *(named(arm) for arm in arms.values())]
    panels[0].set_yticks(range(len(titles)), [two_lines(title, 38) for title in titles])
    panels[0].invert_yaxis()
    best = headline(dataset)
    shown = [("real rows", real_metric(dataset, MEAN_AUC))]
    shown += [(named(arms[best]), arms[best].metric(MEAN_AUC))] if best in arms else []
    values = listing([f"{title} {interval(metric)}" for title, metric in shown])
    caption = (
        f"Mean over classifiers on held-out real patients, with 95 % intervals: AUC {values}. Diamond and dotted line: "
        "real rows; dots: synthesisers, blue with a guarantee; crosses: ablations and controls."
    )
    return Drawing(figure, caption, f"Dot plot of accuracy and AUC for {len(arms)} arms. {caption}")
