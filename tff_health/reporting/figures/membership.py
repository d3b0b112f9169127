"""Membership inference on every arm, with the attack's own controls on top."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.axes import Axes

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import interval, plural
from tff_health.reporting.guarantee import is_private, named
from tff_health.reporting.membership_findings import (
    GUESSING,
    OVERFITTED,
    attack_label,
    attack_names,
    controls,
    headline_attack,
    headline_control,
    outcome,
    proves_nothing,
)
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm, Metric
from tff_health.reporting.style import BLUE, GREY, INK, STONE, legend_below, new_figure, two_lines

_MARKERS = {
    "lira": "D",
    "loss": "o",
    "confidence": "s",
    "density-ratio": "D",
    "nearest": "o",
    "calibrated-nearest": "s",
    "monte-carlo": "^",
    "discriminator": "X",
}


@register_figure("membership", "Membership inference: can training patients be told?", section="privacy")
def membership(record: RunRecord) -> Drawing | None:
    """AUC with 95 % interval of every attack on every arm; guessing is 0.5."""
    dataset = record.dataset
    attacked = {name: arm for name, arm in dataset.shown_arms.items() if arm.membership}
    if not attacked:
        return None
    names = attack_names(dataset)
    judged = controls(dataset)
    rows: list[tuple[str, str, dict[str, MembershipAttack]]] = []
    overfitted = {
        names[0] if name == OVERFITTED else name: one
        for name, one in dataset.membership_control.items()
        if name in names or name == OVERFITTED
    }
    if overfitted:
        rows.append(("Control: overfitted model", INK, overfitted))
    rows += [
        (f"Control: {one.title[0].lower()}{one.title[1:]}", INK, {"": one.attack}) for one in judged if one.untrained
    ]
    rows += [(named(arm), BLUE if is_private(arm) else STONE, arm.membership) for arm in attacked.values()]
    figure = new_figure(6.4, 1.0 + 0.42 * len(rows))
    axes = figure.subplots()
    axes.axvline(GUESSING, color=GREY, linewidth=0.9, linestyle=":")
    for place, (_, color, attacks) in enumerate(rows):
        for name, attack in attacks.items():
            order = names.index(name) if name in names else 0
            shift = 0.22 * (order - (len(names) - 1) / 2) if name in names else 0.0
            _point(axes, attack.auc, place + shift, _MARKERS.get(name, "P"), color, strong=order == 0)
    if len(rows) > len(attacked):
        axes.axhline(len(rows) - len(attacked) - 0.5, color=GREY, linewidth=0.6)
    for name in names:
        axes.plot([], [], color=GREY, marker=_MARKERS.get(name, "P"), linestyle="", label=attack_label(name))
    axes.plot([], [], color=BLUE, linewidth=4, label="with a guarantee")
    axes.plot([], [], color=STONE, linewidth=4, label="without")
    axes.set_yticks(range(len(rows)), [two_lines(title) for title, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("AUC of the attack (0.5 is guessing)")
    legend_below(figure, axes, columns=5)
    caption = _caption(record)
    return Drawing(figure, caption, f"Dot plot of attack AUC for {plural(len(rows), 'row')}. {caption}")


def membership_of(record: RunRecord, arms: dict[str, Arm]) -> Drawing | None:
    """The figure for some of the record's arms; None without any.

    Args:
        record: as `synthesis.views.privacy_record` has it.
        arms: by name.
    """
    if not arms:
        return None
    dataset = record.dataset.model_copy(update={"arms": arms})
    datasets = {**record.results.datasets, record.dataset_name: dataset}
    return membership(replace(record, results=record.results.model_copy(update={"datasets": datasets})))


def _point(axes: Axes, auc: Metric, place: float, marker: str, color: str, *, strong: bool) -> None:
    if auc.value is None:
        return
    if auc.low is not None and auc.high is not None:
        axes.plot([auc.low, auc.high], [place] * 2, color=color, linewidth=1.8 if strong else 0.9)
    axes.plot(auc.value, place, marker=marker, color=color, markersize=6.5 if strong else 4.5)


def _caption(record: RunRecord) -> str:
    dataset = record.dataset
    lead = attack_names(dataset)[0]
    above = []
    arms = [arm for arm in dataset.shown_arms.values() if arm.membership]
    for arm in arms:
        name = headline_attack(arm.membership)
        auc = arm.membership[name].auc if name else Metric()
        if outcome(auc) == "above":
            above.append(f"{named(arm)} {interval(auc)}")
    label = attack_label(lead)
    count = f"{len(above)} of {plural(len(arms), 'arm')}"
    text = f"{label[0].upper()}{label[1:]}, the headline attack, is above guessing on {count}"
    text += f" ({'; '.join(above)})" if above else ""
    control = headline_control(dataset)
    found = (
        f"its control, a deliberately overfitted model, has AUC {interval(control.auc)}" if control else "no control"
    )
    verdict = "the attack proves nothing" if proves_nothing(dataset) else "so the attack works"
    return f"{text}; {found}, {verdict}. Bars are 95 % intervals."
