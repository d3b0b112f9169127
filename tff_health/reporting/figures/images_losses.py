"""Fig. 12 of P2: the losses of both networks while they train."""

from __future__ import annotations

from tff_health.reporting.figures.image_tiles import pictured_arms
from tff_health.reporting.figures.loss_curves import draw_losses, trained_arms
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.record import RunRecord

LOSSES = {
    "discriminator_loss": "Discriminator loss",
    "generator_loss": "Generator loss",
    "score_gap": "Score of real minus synthetic images",
}


@register_figure("images-losses", "Losses of both networks over training", section="images", paper="P2 Fig. 12")
def images_losses(record: RunRecord) -> Drawing | None:
    """Discriminator and generator loss, and how far the discriminator keeps real and synthetic apart, by update."""
    shown = pictured_arms(record.dataset)
    names = dict.fromkeys([*shown[:1], *shown[-1:]])
    drawn = draw_losses(trained_arms({name: record.dataset.arms[name] for name in names}), LOSSES)
    if drawn is None:
        return None
    caption = (
        f"{drawn.first}, first seed, from the first to the last recorded update: {', '.join(drawn.ends)}. Losses "
        "of two networks that train against each other do not fall as one network's do, and say nothing of what the "
        "images are worth: the tables do."
    )
    return Drawing(drawn.figure, caption, f"Line charts of {drawn.panels} losses by update. {caption}")
