"""Losses of synthesisers that train by steps."""

from __future__ import annotations

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import number
from tff_health.reporting.guarantee import epsilon_of, named
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm, DatasetResult
from tff_health.reporting.style import legend_below, new_figure, plain_text
from tff_health.reporting.synthesis.arms import plain_synthesisers, private_synthesisers
from tff_health.reporting.synthesis.curve_styles import curve_styles

LOSSES = {
    "critic_loss": "Critic loss",
    "generator_loss": "Generator loss",
    "wasserstein": "Wasserstein estimate",
}
_WORDS = {"critic_loss": "critic loss", "generator_loss": "generator loss", "wasserstein": "Wasserstein estimate"}
_MOST_ARMS = 3


def trained_arms(arms: dict[str, Arm]) -> dict[str, Arm]:
    """Those with a training history."""
    return {name: arm for name, arm in arms.items() if arm.synthesis is not None and len(arm.synthesis.history) > 1}


def _compared(dataset: DatasetResult) -> dict[str, Arm]:
    """Synthesisers without a guarantee, and the private one that was trained with the least noise."""
    plain = trained_arms(plain_synthesisers(dataset))
    private = trained_arms(private_synthesisers(dataset))
    last = sorted(private, key=lambda name: epsilon_of(private[name]))[-1:]
    return {**dict(list(plain.items())[:_MOST_ARMS]), **{name: private[name] for name in last}}


def series(arm: Arm, name: str) -> tuple[list[int], list[float]]:
    """A measure of training by updates, or by rounds where no updates were counted; points without it are left out."""
    history = arm.synthesis.history if arm.synthesis else []
    counted = any(point.updates for point in history)
    found = [
        (point.updates if counted else point.round, value)
        for point in history
        if (value := point.values.get(name)) is not None
    ]
    return [place for place, _ in found], [value for _, value in found]


@register_figure("synthesis-losses", "Losses over training", section="synthesis")
def synthesis_losses(record: RunRecord) -> Drawing | None:
    """Critic and generator loss and the Wasserstein estimate by update."""
    arms = _compared(record.dataset)
    measured = [loss for loss in LOSSES if any(len(series(arm, loss)[0]) > 1 for arm in arms.values())]
    if not measured:
        return None
    styles = curve_styles(arms)
    figure = new_figure(5.8, 0.6 + 1.9 * len(measured))
    panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False).ravel()
    for axes, loss in zip(panels, measured, strict=True):
        for name, arm in arms.items():
            updates, values = series(arm, loss)
            if len(updates) > 1:
                style = {**styles[name].line_kwargs(), "markevery": max(1, len(updates) // 8), "linewidth": 1.2}
                axes.plot(updates, values, label=plain_text(named(arm), 60), **style)
        axes.set_title(LOSSES[loss])
    panels[-1].set_xlabel("Updates of the generator")
    fullest = max(panels, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
    legend_below(figure, fullest, columns=2)
    first = next(arm for arm in arms.values() if any(len(series(arm, loss)[0]) > 1 for loss in measured))
    ends = [
        f"{_WORDS[loss]} {number(values[0], 2)} to {number(values[-1], 2)}"
        for loss in measured
        if len(values := series(first, loss)[1]) > 1
    ]
    caption = (
        f"{named(first)}, first split, from the first to the last recorded update: {', '.join(ends)}. Fine losses are "
        "no proof of useful rows: the tables above are."
    )
    return Drawing(figure, caption, f"Line charts of {len(measured)} losses by update. {caption}")
