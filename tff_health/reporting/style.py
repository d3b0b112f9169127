"""One look for all figures: a palette that colour-blind readers can tell apart, markers for print in grey."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1f2933"
GREY = "#52606d"
RULE = "#d9dee4"
# Okabe and Ito's hues without the yellow, which does not carry on white. All are darkened to carry as lines, and kept
# apart by lightness where protanopia or deuteranopia makes hues alike, as it does of their orange and vermilion then.
BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY, STONE = (
    *("#2769a8", "#bf4d00", "#0b8661", "#913f69", "#c08600", "#2b95c6", "#707d91"),
)
SEQUENTIAL = "Blues"
DIVERGING = "RdBu_r"

# DejaVu Sans comes with matplotlib and lacks the scripts of half the world: these fill in, where a machine has them.
_OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei"),
    *("Droid Sans Fallback", "PingFang SC", "Hiragino Sans", "Noto Sans Devanagari", "Noto Sans Bengali"),
    *("Noto Sans Tamil", "Noto Sans Thai", "Noto Sans Ethiopic", "FreeSans", "Arial Unicode MS", "Noto Sans Symbols2"),
)
_INSTALLED = frozenset(font_manager.get_font_names())

RC: dict[str, Any] = {
    "font.family": ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in _INSTALLED)],
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
_END = 11  # letters of a cut label's end that stay
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
# No free style has both the colour and the line of a known one: curves without markers must differ too.
_TAKEN = {(style.color, style.line) for style in _KNOWN.values()}
_FREE = [
    ArmStyle(color, marker, line)
    for line in _LINES
    for color, marker in zip((GREEN, PURPLE, VERMILION, BLUE, AMBER), "P*h<>", strict=True)
    if (color, line) not in _TAKEN
]
UNIT_STYLES = {"patient": ArmStyle(BLUE, "o", "-"), "hospital": ArmStyle(VERMILION, "s", "--")}
"""How a unit's guarantees are drawn where the unit matters more than the arm."""


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


def unit_style(unit: str) -> ArmStyle:
    """The style of a unit of privacy; an unknown unit gets one of its own."""
    return UNIT_STYLES.get(unit, ArmStyle(GREEN, "P", "-."))


def two_lines(text: str, width: int = 34) -> str:
    """A label on at most two lines of so many letters, taken literally by matplotlib; longer ones lose their middle."""
    for limit in range(max(2 * width, len(text)), width, -1):
        lines = textwrap.wrap(_cut(text, limit), width)
        if len(lines) <= 2:
            break
    return _literal("\n".join(lines[:2]))


def plain_text(text: str, limit: int = 36) -> str:
    """A label that matplotlib takes literally (a dollar sign starts no mathematics), its middle cut where too long."""
    return _literal(_cut(text, limit))


def _literal(text: str) -> str:
    # Legends leave out what begins with an underscore: a joiner before it does not show.
    kept = f"\N{ZERO WIDTH NON-JOINER}{text}" if text.startswith("_") else text
    return kept.replace("$", r"\$")


def _cut(text: str, limit: int) -> str:
    """The text without its middle: arms of a kind differ at the end (`..., epsilon 1`)."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - _END - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}{text[-_END:]}"
