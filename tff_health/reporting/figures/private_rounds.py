"""Private arms by communication round, each unit beside the arm without a guarantee."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.figures.rounds import series
from tff_health.reporting.formatting import listing, number, plural
from tff_health.reporting.guarantee import epsilon_of, private_arms
from tff_health.reporting.privacy_curve import counterpart
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import INK, new_figure, two_lines

_MARKERS = "osDv^P*X"
_MOST = len(_MARKERS)  # arms of a unit that can be told apart
_COLORS = {"patient": "Blues", "hospital": "Oranges"}


@register_figure("rounds-private", "Accuracy of private arms by communication round", section="privacy")
def private_rounds(record: RunRecord) -> Drawing | None:
    """Held-out accuracy after each round, a panel for each unit, darker for a larger epsilon."""
    arms = {
        name: arm for name, arm in private_arms(record.dataset).items() if len(series(record, name, "accuracy")) > 1
    }
    units = sorted(
        dict.fromkeys(arm.privacy.unit for arm in arms.values() if arm.privacy), key=lambda u: u != "patient"
    )
    if not units:
        return None
    figure = new_figure(6.4, 2.6 * len(units) + 0.3)
    panels = figure.subplots(len(units), 1, squeeze=False).ravel()
    ends = []
    for axes, unit in zip(panels, units, strict=True):
        mine = [name for name, arm in arms.items() if arm.privacy and arm.privacy.unit == unit]
        mine = sorted(mine, key=lambda name: epsilon_of(arms[name]))[:_MOST]
        _panel(axes, record, mine, _COLORS.get(unit, "Greens"))
        axes.set_title(f"Held-out accuracy, {unit} level")
        for name in mine:
            frame = series(record, name, "accuracy")
            ends.append(
                f"{arms[name].title} {number(frame['value'].iloc[-1])} after "
                f"{plural(int(frame['round'].iloc[-1]), 'round')}"
            )
    panels[-1].set_xlabel("Communication round")
    caption = (
        f"Accuracy at the end: {listing(ends)}. Darker is a larger epsilon; what it rests on is said in the statements "
        "above."
    )
    return Drawing(
        figure, caption, f"Line charts of accuracy by round for {plural(len(ends), 'private arm')}. {caption}"
    )


def _panel(axes: Axes, record: RunRecord, names: list[str], colors: str) -> None:
    """The curves of one unit over the arms that they are held against."""
    last = 0.0
    for other in dict.fromkeys(found for name in names if (found := counterpart(record.dataset, name))):
        frame = series(record, other, "accuracy")
        if len(frame) > 1:
            label = f"{record.dataset.arms[other].title} (no guarantee)"
            axes.plot(frame["round"], frame["value"], color=INK, linestyle=":", label=two_lines(label, 30))
            last = max(last, frame["round"].max())
    shades = matplotlib.colormaps[colors](np.linspace(0.45 if len(names) > 1 else 0.75, 0.95, len(names)))
    for name, shade, marker in zip(names, shades, _MARKERS, strict=False):
        frame = series(record, name, "accuracy")
        every = max(1, len(frame) // 12)
        label = two_lines(record.dataset.arms[name].title, 30)
        axes.plot(frame["round"], frame["value"], color=shade, marker=marker, markevery=every, label=label)
        axes.fill_between(frame["round"], frame["low"], frame["high"], color=shade, alpha=0.1, linewidth=0)
        last = max(last, frame["round"].max())
    if last <= 12:
        axes.set_xticks(np.arange(0, last + 1))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8.5)
