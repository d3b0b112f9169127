"""How far every arm's images lie from real ones, and how much more alike they are within a class."""

from __future__ import annotations

from tff_health.reporting.figures.arm_dots import DotRow, draw_arm_dots
from tff_health.reporting.figures.images_arms import arm_look
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.images.arms import all_image_arms, headline
from tff_health.reporting.images.likeness import headline_likeness, worst_class
from tff_health.reporting.images.tables import arm_title
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Metric


@register_figure("images-likeness", "Distance to real images and variety within a class", section="images")
def images_likeness(record: RunRecord) -> Drawing | None:
    """FD-clf with its floor as a line, and the likeness of pairs in the class that is least varied against real."""
    dataset = record.dataset
    rows, floors = [], {}
    for name, arm in all_image_arms(dataset).items():
        worst = worst_class(arm)
        metrics = (arm.metric("fd_clf/value"), worst[2] if worst else Metric())
        floors[name] = arm.metric("fd_clf/floor").value
        if any(metric.value is not None for metric in metrics):
            rows.append(DotRow(arm_title(name, arm), metrics, *arm_look(name, arm)))
    if not rows:
        return None
    floor = floors.get(headline(dataset) or "") or next((one for one in floors.values() if one is not None), None)
    titles = ("FD-clf (lower is nearer)", "Likeness within a class")
    figure = draw_arm_dots(rows, titles, (floor, 0.0))
    caption = (
        f"{headline_likeness(dataset)} Dotted lines: on the left the floor, which real images keep from other real "
        "ones; on the right equal variety, beyond which an arm's worst class is less varied than real images. Bars are "
        "95 % intervals."
    )
    return Drawing(figure, caption, f"Dot plots for {len(rows)} arms. {caption}")
