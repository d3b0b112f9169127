"""One look for all figures: a palette that colour-blind readers can tell apart, markers for print in grey."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1f2933"
GREY = "#52606d"
RULE = "#d9dee4"
# Okabe and Ito's colours without the yellow, which does not carry on white; orange and sky blue darkened.
BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY, STONE = (
    *("#0072b2", "#d55e00", "#00795a", "#a3467c", "#b07a00", "#3a8fc4", "#6b7280"),
)
SEQUENTIAL = "Blues"
DIVERGING = "RdBu_r"

RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # The same run gives the same bytes.
    "svg.hashsalt": "tff_health",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class ArmStyle:
    """How an arm is drawn, in every figure alike."""

    color: str
    marker: str
    line: str

    def line_kwargs(self) -> dict[str, Any]:
        """Arguments of `Axes.plot`."""
        return {"color": self.color, "marker": self.marker, "linestyle": self.line}


_KNOWN = {
    "paper-listing": ArmStyle(STONE, "X", (0, (1, 1.2))),  # type: ignore[arg-type]
    "alone": ArmStyle(AMBER, "s", "--"),
    "pooled": ArmStyle(INK, "D", "-."),
    "fedavg-paper": ArmStyle(SKY, "o", "-"),
    "fedavg": ArmStyle(BLUE, "^", "-"),
    "best-adaptive": ArmStyle(VERMILION, "v", "-"),
    "fedyogi": ArmStyle(VERMILION, "v", "-"),
}
_FREE = [
    ArmStyle(color, marker, line)
    for line in ("-", "--", "-.")
    for color, marker in zip((GREEN, PURPLE, VERMILION, BLUE, AMBER), "P*h<>", strict=True)
]


def arm_styles(arms: Iterable[str]) -> dict[str, ArmStyle]:
    """A style for each arm: fixed for the arms that every run has, the next free one for others."""
    styles: dict[str, ArmStyle] = {}
    for name in arms:
        others = len([known for known in styles if known not in _KNOWN])
        styles[name] = _KNOWN.get(name) or _FREE[others % len(_FREE)]
    return styles


def new_figure(width: float = 5.8, height: float = 3.6) -> Figure:
    """An empty figure of this size in inches, laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained")


def legend_below(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """A legend under the whole figure, from the entries of one pair of axes."""
    handles, labels = axes.get_legend_handles_labels()
    # About as many letters as fit beside each other, a handle taking the room of seven.
    room = int(12.5 * figure.get_figwidth())
    columns = max(1, min(columns, len(handles), room // (max(map(len, labels)) + 7)))
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + 0.2 * rows)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def plain_text(text: str, limit: int = 36) -> str:
    """A label that matplotlib takes literally (a dollar sign starts no mathematics), cut where too long."""
    short = text if len(text) <= limit else f"{text[: limit - 1]}\N{HORIZONTAL ELLIPSIS}"
    return short.replace("$", r"\$")
