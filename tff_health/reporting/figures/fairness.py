"""Who gains: every hospital's own held-out patients, arm by arm."""

from __future__ import annotations

from tff_health.reporting.fairness import hospital_metric
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, metric_label, number
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import arm_styles, legend_below, new_figure, plain_text


def hospital_values(record: RunRecord, arms: list[str], metric: str) -> dict[str, dict[str, float]]:
    """Hospital -> arm -> value on the hospital's own patients, where it is defined."""
    values: dict[str, dict[str, float]] = {}
    for hospital in record.dataset.hospitals:
        found = {
            arm: value
            for arm in arms
            if (value := hospital_metric(record.dataset, arm, hospital, metric).value) is not None
        }
        if found:
            values[hospital] = found
    return values


@register_figure("by-hospital", "Accuracy and AUC by hospital")
def by_hospital(record: RunRecord) -> Drawing | None:
    """Accuracy and AUC with 95 % intervals on each hospital's held-out patients."""
    arms = record.dataset.shown_arms
    wanted = [name for name in (record.dataset.headline_arm, "alone", "pooled") if name in arms] or list(arms)[:3]
    tables = {metric: hospital_values(record, wanted, metric) for metric in ("accuracy", "auc")}
    hospitals = [name for name in record.dataset.hospitals if any(name in table for table in tables.values())]
    if not hospitals:
        return None
    styles = arm_styles(arms)
    figure = new_figure(6.0, 1.3 + 0.5 * len(hospitals))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, metric in zip(panels, ("accuracy", "auc"), strict=True):
        for order, arm in enumerate(wanted):
            shift = 0.2 * (order - (len(wanted) - 1) / 2)
            for place, hospital in enumerate(hospitals):
                found = hospital_metric(record.dataset, arm, hospital, metric)
                if found.value is None:
                    continue
                if found.low is not None and found.high is not None:
                    axes.plot([found.low, found.high], [place + shift] * 2, color=styles[arm].color, linewidth=1.6)
                axes.plot(found.value, place + shift, marker=styles[arm].marker, color=styles[arm].color)
            axes.plot(
                [],
                [],
                color=styles[arm].color,
                marker=styles[arm].marker,
                label=plain_text(arms[arm].title),
            )
        axes.set_title("AUC" if metric == "auc" else "Accuracy")
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=5)
    counts = record.dataset.hospitals
    panels[0].set_yticks(range(len(hospitals)), [f"{plain_text(name, 22)} ({counts[name].test})" for name in hospitals])
    panels[0].set_ylim(len(hospitals) - 0.5, -0.5)
    legend_below(figure, panels[0])
    caption = _caption(record, wanted, tables)
    return Drawing(figure, caption, f"Dot plots for {listing(hospitals)}. {caption}")


def _caption(record: RunRecord, wanted: list[str], tables: dict[str, dict[str, dict[str, float]]]) -> str:
    metric = "accuracy" if tables["accuracy"] else "auc"
    table, lead = tables[metric], wanted[0]
    scored = {hospital: values[lead] for hospital, values in table.items() if lead in values}
    held_out = "held-out patients in brackets"
    if not scored:
        return f"Held-out {metric_label(metric)} by hospital; {held_out}."
    low, high = min(scored, key=scored.__getitem__), max(scored, key=scored.__getitem__)
    text = (
        f"{record.dataset.arms[lead].title} ranges from {metric_label(metric)} {number(scored[low])} "
        f"({low}) to "
        f"{number(scored[high])} ({high})"
    )
    both = [values for values in table.values() if lead in values and "alone" in values]
    if both and lead != "alone":
        ahead = sum(values[lead] > values["alone"] for values in both)
        text += f"; it is ahead of training alone at {ahead} of {len(both)} hospitals"
    return f"{text}; {held_out}, bars are 95 % intervals."
