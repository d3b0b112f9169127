"""Losses of synthesisers that train by steps."""

from __future__ import annotations

from tff_health.reporting.figures.loss_curves import draw_losses, trained_arms
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.guarantee import epsilon_of
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm, DatasetResult
from tff_health.reporting.synthesis.arms import plain_synthesisers, private_synthesisers

LOSSES = {
    "critic_loss": "Critic loss",
    "generator_loss": "Generator loss",
    "wasserstein": "Wasserstein estimate",
}
_MOST_ARMS = 3


def _compared(dataset: DatasetResult) -> dict[str, Arm]:
    """Synthesisers without a guarantee, and the private one that was trained with the least noise."""
    plain = trained_arms(plain_synthesisers(dataset))
    private = trained_arms(private_synthesisers(dataset))
    last = sorted(private, key=lambda name: epsilon_of(private[name]))[-1:]
    return {**dict(list(plain.items())[:_MOST_ARMS]), **{name: private[name] for name in last}}


@register_figure("synthesis-losses", "Losses over training", section="synthesis")
def synthesis_losses(record: RunRecord) -> Drawing | None:
    """Critic and generator loss and the Wasserstein estimate by update."""
    drawn = draw_losses(_compared(record.dataset), LOSSES)
    if drawn is None:
        return None
    caption = (
        f"{drawn.first}, first split, from the first to the last recorded update: {', '.join(drawn.ends)}. Fine losses "
        "are no proof of useful rows: the tables above are."
    )
    return Drawing(drawn.figure, caption, f"Line charts of {drawn.panels} losses by update. {caption}")
