"""Losses of synthesisers that train by steps."""

from __future__ import annotations

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import number
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm, DatasetResult
from tff_health.reporting.style import arm_styles, legend_below, new_figure, plain_text
from tff_health.reporting.synthesis.arms import arms_for

LOSSES = {
    "critic_loss": "Critic loss",
    "generator_loss": "Generator loss",
    "wasserstein": "Wasserstein estimate",
}
_MOST_ARMS = 6


def curve_arms(dataset: DatasetResult) -> dict[str, Arm]:
    """The arms with a training history that one figure can carry: those without a guarantee and ablations first."""
    trained = {
        name: arm
        for name, arm in {**arms_for(dataset, "synthesiser"), **arms_for(dataset, "ablation")}.items()
        if arm.synthesis is not None and len(arm.synthesis.history) > 1
    }
    ordered = sorted(trained, key=lambda name: is_private(trained[name]))[:_MOST_ARMS]
    return {name: arm for name, arm in trained.items() if name in ordered}


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
    arms = curve_arms(record.dataset)
    measured = [loss for loss in LOSSES if any(len(series(arm, loss)[0]) > 1 for arm in arms.values())]
    if not measured:
        return None
    styles = arm_styles(arms)
    figure = new_figure(5.8, 0.6 + 1.9 * len(measured))
    panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False).ravel()
    for axes, loss in zip(panels, measured, strict=True):
        for name, arm in arms.items():
            updates, values = series(arm, loss)
            if len(updates) > 1:
                every = max(1, len(updates) // 10)
                axes.plot(
                    updates, values, label=plain_text(arm.title, 60), markevery=every, **styles[name].line_kwargs()
                )
        axes.set_title(LOSSES[loss])
    panels[-1].set_xlabel("Updates of the generator")
    fullest = max(panels, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
    legend_below(figure, fullest, columns=2)
    parts = []
    for arm in arms.values():
        ends = [
            f"{LOSSES[loss][0].lower()}{LOSSES[loss][1:]} {number(values[0], 2)} to {number(values[-1], 2)}"
            for loss in measured
            if len(values := series(arm, loss)[1]) > 1
        ]
        if ends:
            parts.append(f"{arm.title}: {', '.join(ends)}")
            break
    caption = (
        f"From the first to the last recorded update, {'; '.join(parts)}. Low losses are no proof of useful rows: the "
        "tables above are."
    )
    return Drawing(figure, caption, f"Line charts of {len(measured)} losses by update. {caption}")
