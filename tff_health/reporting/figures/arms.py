"""All arms at a glance: final accuracy and AUC with their intervals."""

from __future__ import annotations

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, listing, metric_label
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import GREY, arm_styles, new_figure, two_lines


@register_figure("arms", "All arms, final round")
def arms(record: RunRecord) -> Drawing | None:
    """A dot and a 95 % interval for each arm's accuracy and AUC on held-out patients."""
    shown = {
        name: arm
        for name, arm in record.dataset.shown_arms.items()
        if arm.metric("test/accuracy").value is not None or arm.metric("test/auc").value is not None
    }
    if not shown:
        return None
    styles = arm_styles(record.dataset.shown_arms)
    figure = new_figure(6.6, 1.2 + 0.38 * len(shown))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, metric in zip(panels, ("accuracy", "auc"), strict=True):
        for place, (name, arm) in enumerate(shown.items()):
            found = arm.metric(f"test/{metric}")
            if found.value is None:
                continue
            if found.low is not None and found.high is not None:
                axes.plot([found.low, found.high], [place, place], color=styles[name].color, linewidth=2.2)
            axes.plot(found.value, place, marker=styles[name].marker, color=styles[name].color, markersize=7)
        headline = record.dataset.headline_arm
        if headline in shown and (value := shown[headline].metric(f"test/{metric}").value) is not None:
            axes.axvline(value, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_title(metric_label(metric).capitalize() if metric == "accuracy" else metric_label(metric))
        axes.grid(visible=False, axis="y")
        axes.margins(y=0.5 / len(shown))
        axes.locator_params(axis="x", nbins=5)
    panels[0].set_yticks(range(len(shown)), [two_lines(arm.title) for arm in shown.values()])
    panels[0].invert_yaxis()
    metric = "accuracy" if any(arm.metric("test/accuracy").value is not None for arm in shown.values()) else "auc"
    chosen = [name for name in (record.dataset.headline_arm, "alone", "pooled") if name in shown] or list(shown)
    values = listing([f"{shown[name].title} {interval(shown[name].metric(f'test/{metric}'))}" for name in chosen])
    caption = f"Held-out {metric_label(metric)} with 95 % intervals: {values}."
    return Drawing(figure, caption, f"Dot plot of accuracy and AUC for {len(shown)} arms. {caption}")
