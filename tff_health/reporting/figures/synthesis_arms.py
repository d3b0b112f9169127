"""What every arm's synthetic rows are worth, beside real rows."""

from __future__ import annotations

from tff_health.reporting.figures.arm_dots import DotRow, draw_arm_dots
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, listing
from tff_health.reporting.guarantee import is_private, named
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import BLUE, GREEN, GREY, STONE
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
    metrics = (MEAN_ACCURACY, MEAN_AUC)
    real = tuple(real_metric(dataset, name) for name in metrics)
    rows = [DotRow("Real rows", real, GREEN, "D")]
    for key, arm in arms.items():
        ordinary = purpose(key, arm) == "synthesiser"
        color = BLUE if is_private(arm) else GREY if ordinary else STONE
        found = tuple(arm.metric(name) for name in metrics)
        rows.append(DotRow(named(arm), found, color, "o" if ordinary else "x"))
    figure = draw_arm_dots(rows, ("Accuracy", "AUC"), [metric.value for metric in real])
    best = headline(dataset)
    shown = [("real rows", real_metric(dataset, MEAN_AUC))]
    shown += [(named(arms[best]), arms[best].metric(MEAN_AUC))] if best in arms else []
    values = listing([f"{title} {interval(metric)}" for title, metric in shown])
    caption = (
        f"Mean over classifiers on held-out real patients, with 95 % intervals: AUC {values}. Diamond and dotted line: "
        "real rows; dots: synthesisers, blue with a guarantee; crosses: ablations and controls."
    )
    return Drawing(figure, caption, f"Dot plot of accuracy and AUC for {len(arms)} arms. {caption}")
