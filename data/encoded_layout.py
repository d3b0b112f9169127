"""What stands where in a row that a neural generator sees: the neutral language between encoding and training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True)
class Segment:
    """Neighbouring entries of an encoded row that belong together.

    Attributes:
        column: the table's column.
        start: first entry.
        size: entries.
        activation: `tanh` for one number in [-1, 1], `softmax` for a one-hot vector.
        condition: whether rows can be conditioned on it: the one-hot code of a coded column.
    """

    column: str
    start: int
    size: int
    activation: Literal["tanh", "softmax"]
    condition: bool = False

    @property
    def stop(self) -> int:
        """One past the last entry."""
        return self.start + self.size


@dataclass(frozen=True)
class EncodedLayout:
    """All segments of an encoded row, in order and without gaps.

    Raises:
        ValueError: a gap, an overlap, an empty segment, or a condition that is no one-hot vector.
    """

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        position = 0
        for segment in self.segments:
            if segment.start != position or segment.size < 1:
                raise ValueError(f"segment of {segment.column!r} starts at {segment.start}, not at {position}")
            if segment.condition and segment.activation != "softmax":
                raise ValueError(f"column {segment.column!r}: only one-hot segments can be conditions")
            position = segment.stop

    @property
    def width(self) -> int:
        """Entries of a row."""
        return self.segments[-1].stop if self.segments else 0

    @cached_property
    def conditions(self) -> tuple[Segment, ...]:
        """The segments that can be conditioned on; a condition vector is their one-hot vectors in this order."""
        return tuple(segment for segment in self.segments if segment.condition)

    @property
    def condition_width(self) -> int:
        """Entries of a condition vector."""
        return sum(segment.size for segment in self.conditions)

    def condition_start(self, column: str) -> int:
        """Where a column's part of the condition vector starts.

        Raises:
            KeyError: the column cannot be conditioned on.
        """
        position = 0
        for segment in self.conditions:
            if segment.column == column:
                return position
            position += segment.size
        raise KeyError(column)
