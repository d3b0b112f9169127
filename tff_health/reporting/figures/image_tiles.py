"""Pictures of a run laid side by side, and which arms' pictures a figure shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tff_health.reporting.atomic import ReportError
from tff_health.reporting.guarantee import named
from tff_health.reporting.images.arms import generators, headline, private_generators, ranked
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import DatasetResult
from tff_health.reporting.style import plain_text
from tff_health.reporting.synthesis.arms import by_level

_WHITE = 255
_MOST_ARMS = 5
# Inches; figures of pictures are laid out by hand, so that every picture has the same size.
_TILE = 0.66
_LETTER = 0.078
_TITLE = 0.3
_UNDER = 0.26
_BETWEEN = 0.12
_EDGE = 0.06


@dataclass(frozen=True)
class TileBlock:
    """Rows of pictures under one title.

    Attributes:
        title: above them; empty for none.
        rows: uint8 [columns, height, width] each, all of one shape.
        labels: on the left, one a row.
        under: below the last row, one a column; empty for none, and where there are breaks.
        breaks: columns before which the gap is wider.
    """

    title: str
    rows: Sequence[np.ndarray]
    labels: Sequence[str]
    under: Sequence[str] = ()
    breaks: Sequence[int] = ()


def tile_figure(blocks: Sequence[TileBlock], side: float = _TILE) -> Figure:
    """The blocks below each other, in grey.

    Args:
        blocks: one or more.
        side: inches of a picture's width, at which the first block's pictures are drawn.
    """
    whole = [tiled(block.rows, block.breaks) for block in blocks]
    inches = side / blocks[0].rows[0].shape[2]
    sizes = [(picture.shape[1] * inches, picture.shape[0] * inches) for picture in whole]
    label = _EDGE + _LETTER * (1 + max(len(plain_text(one)) for block in blocks for one in block.labels))
    width = label + max(size[0] for size in sizes) + _EDGE
    tops = [_TITLE if block.title else _EDGE for block in blocks]
    below = [_UNDER if block.under else _EDGE for block in blocks]
    height = sum(tops) + sum(below) + sum(size[1] for size in sizes) + _BETWEEN * (len(blocks) - 1)
    figure = Figure(figsize=(width, height))
    y = height
    for block, picture, size, top, under in zip(blocks, whole, sizes, tops, below, strict=True):
        y -= top + size[1]
        axes = figure.add_axes((label / width, y / height, size[0] / width, size[1] / height))
        _show(axes, block, picture)
        y -= under + _BETWEEN
    return figure


def tiled(rows: Sequence[np.ndarray], breaks: Iterable[int] = ()) -> np.ndarray:
    """Rows of pictures as one picture, with white between them.

    Args:
        rows: uint8 [columns, height, width] each, all of one shape.
        breaks: columns before which the gap is wider.

    Returns:
        uint8 [height, width].
    """
    height, width = rows[0].shape[1:]
    gap = _gap(width)
    wide = set(breaks)
    lines = []
    for row in rows:
        parts: list[np.ndarray] = []
        for column, picture in enumerate(row):
            if column:
                parts.append(np.full((height, gap * (4 if column in wide else 1)), _WHITE, np.uint8))
            parts.append(picture)
        lines.append(np.hstack(parts))
    between = np.full((gap, lines[0].shape[1]), _WHITE, np.uint8)
    stacked = [lines[0]]
    for line in lines[1:]:
        stacked += [between, line]
    return np.vstack(stacked)


def _show(axes: Axes, block: TileBlock, picture: np.ndarray) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=_WHITE, interpolation="nearest", aspect="auto")
    height, width = block.rows[0].shape[1:]
    gap = _gap(width)
    places = [row * (height + gap) + (height - 1) / 2 for row in range(len(block.rows))]
    axes.set_yticks(places, [plain_text(label) for label in block.labels])
    columns = [column * (width + gap) + (width - 1) / 2 for column in range(len(block.under))]
    axes.set_xticks(columns, [plain_text(text) for text in block.under])
    axes.set_title(plain_text(block.title, 70))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _gap(width: int) -> int:
    return max(1, width // 14)


def pictured_arms(dataset: DatasetResult) -> list[str]:
    """The arm that speaks for synthetic images, then the best private one at each epsilon; at most five."""
    best = headline(dataset)
    names = [best] if best else []
    for arms in by_level(private_generators(dataset)).values():
        ranking = ranked(dataset, arms)
        names.append(ranking.best if ranking else next(iter(arms)))
    return (names or list(generators(dataset)))[:_MOST_ARMS]


class ArmPictures:
    """The pictures of several arms; files that cannot be read are told in the caption, or by an error if all are.

    Attributes:
        arrays: arm -> array by name; arms without a file are left out.
        failures: sentences on the files that could not be read.
    """

    def __init__(self, record: RunRecord, names: Sequence[str]) -> None:
        self.arrays: dict[str, dict[str, np.ndarray]] = {}
        self.failures: list[str] = []
        for name in names:
            arm = record.dataset.arms[name]
            file = arm.images.pictures if arm.images else ""
            try:
                found = record.pictures(file)
            except ReportError as error:
                self.failures.append(f"{named(arm)}: {error}")
            else:
                if found:
                    self.arrays[name] = found

    def having(self, array: str) -> dict[str, dict[str, np.ndarray]]:
        """The arms that have an array of this name and at least one picture in it.

        Raises:
            ReportError: none has, and a file could not be read.
        """
        found = {name: arrays for name, arrays in self.arrays.items() if array in arrays and arrays[array].size}
        if not found and self.failures:
            raise ReportError(" ".join(self.failures))
        return found

    @property
    def remark(self) -> str:
        """What is missing, for a caption; empty where nothing is."""
        return f" Missing here: {' '.join(self.failures)}" if self.failures else ""


def row_labels(file: str, samples: np.ndarray, classes: Sequence[str]) -> Sequence[str]:
    """A label for each row of samples: the classes, or one for the images of a generator that knows no classes.

    Args:
        file: that holds them.
        samples: one row a class.
        classes: of the dataset.

    Raises:
        ReportError: there are other classes of them.
    """
    if len(samples) == 1 and len(classes) > 1:
        return ("any class",)
    if len(samples) != len(classes):
        raise ReportError(
            f"{file} has samples of {len(samples)} classes where the dataset has {len(classes)}: restore the file or "
            "run again."
        )
    return classes
