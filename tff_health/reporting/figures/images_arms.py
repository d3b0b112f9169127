"""What every arm's synthetic images are worth, beside real ones."""

from __future__ import annotations

from tff_health.reporting.figures.arm_dots import DotRow, draw_arm_dots
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, listing
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.images.arms import (
    all_image_arms,
    headline,
    real_metric,
    speaking_classifier,
    worth_metric,
)
from tff_health.reporting.images.labels import speaking_label
from tff_health.reporting.images.tables import arm_title
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm
from tff_health.reporting.style import BLUE, GREEN, GREY, STONE
from tff_health.reporting.synthesis.arms import purpose


def arm_look(name: str, arm: Arm) -> tuple[str, str]:
    """Colour and marker: blue with a guarantee; crosses for what does not stand for synthesis."""
    ordinary = purpose(name, arm) == "synthesiser"
    return BLUE if is_private(arm) else GREY if ordinary else STONE, "o" if ordinary else "x"


@register_figure("images-arms", "Train on synthetic, test on real images: all arms", section="images")
def images_arms(record: RunRecord) -> Drawing | None:
    """A dot and a 95 % interval for each arm's accuracy and AUC; the vertical line is real images."""
    dataset = record.dataset
    metrics = tuple(worth_metric(dataset, measure) for measure in ("accuracy", "auc"))
    arms = {
        name: arm
        for name, arm in all_image_arms(dataset).items()
        if any(arm.metric(metric).value is not None for metric in metrics)
    }
    if not arms:
        return None
    real = tuple(real_metric(dataset, metric) for metric in metrics)
    rows = [DotRow("Real images", real, GREEN, "D")]
    rows += [
        DotRow(arm_title(name, arm), tuple(arm.metric(metric) for metric in metrics), *arm_look(name, arm))
        for name, arm in arms.items()
    ]
    figure = draw_arm_dots(rows, ("Accuracy", "AUC"), [metric.value for metric in real])
    best = headline(dataset)
    shown = [("real images", real[1])]
    shown += [(arms[best].title, arms[best].metric(metrics[1]))] if best in arms else []
    values = listing([f"{title} {interval(metric)}" for title, metric in shown if metric.value is not None])
    who = speaking_label(speaking_classifier(dataset))
    caption = (
        f"On held-out real images, with 95 % intervals: AUC of {who} {values or 'not known'}. Diamond and dotted line: "
        "real images; dots: generators, blue with a guarantee; crosses: ablations, hospitals' own and controls."
    )
    return Drawing(figure, caption, f"Dot plot of accuracy and AUC for {len(arms)} arms. {caption}")
