"""What is public, or already released, about every column by itself: arrays that a private CTGAN starts from. NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.encoded_layout import EncodedLayout, Segment


@dataclass(frozen=True, eq=False)
class ModeValues:
    """How an encoded number becomes a standardised value: offsets[mode] + reaches[mode] * alpha, 0 where missing.

    Attributes:
        alpha: position of the offset within the mode.
        modes: its one-hot segment; positions beyond `offsets` mean missing.
        offsets: float32 [modes], (mean of the mode - mean of the column) / deviation of the column.
        reaches: float32 [modes], what alpha = 1 is worth, in the same unit.
        spreads: float32 [modes], standard deviation of alpha within each mode.
    """

    alpha: int
    modes: Segment
    offsets: np.ndarray
    reaches: np.ndarray
    spreads: np.ndarray


@dataclass(frozen=True, eq=False)
class PublicMarginals:
    """Columns one by one, from a release that was paid for.

    Attributes:
        layout: of the encoded rows.
        label: the column that the critic projects on.
        shares: float32 [layout width], of the rows with each entry of a one-hot segment; all above 0, and 0 at numbers.
        numbers: one a numeric column.

    Raises:
        ValueError: shares that do not fit the layout.
    """

    layout: EncodedLayout
    label: str
    shares: np.ndarray
    numbers: tuple[ModeValues, ...]

    def __post_init__(self) -> None:
        if self.shares.shape != (self.layout.width,):
            raise ValueError(f"shares must be [{self.layout.width}], not {list(self.shares.shape)}")
        for segment in self.layout.segments:
            part = self.shares[segment.start : segment.stop]
            if segment.activation == "softmax" and not ((part > 0).all() and abs(part.sum() - 1) < 1e-4):
                raise ValueError(f"shares of column {segment.column!r} must be above 0 and add up to 1")
        self.label_segment  # noqa: B018  (raises)

    @property
    def label_segment(self) -> Segment:
        """Of the column that the critic projects on."""
        for segment in self.layout.segments:
            if segment.column == self.label and segment.activation == "softmax":
                return segment
        raise ValueError(f"column {self.label!r} has no one-hot segment to project on")

    @property
    def coded(self) -> tuple[Segment, ...]:
        """One-hot segments of coded columns other than the label."""
        numeric = {values.modes.start for values in self.numbers}
        return tuple(
            s
            for s in self.layout.segments
            if s.activation == "softmax" and s.start not in numeric and s.start != self.label_segment.start
        )

    def logits(self) -> np.ndarray:
        """float32 [layout width]: outputs of a generator whose rows have these marginals, columns independent."""
        return np.where(self.shares > 0, np.log(np.maximum(self.shares, 1e-30)), 0.0).astype(np.float32)

    def moments(self) -> np.ndarray:
        """float32 [entries]: expectations of `RowFeatures.moments`, with normal offsets within modes."""
        parts = [self.shares]
        for values in self.numbers:
            shares = self.shares[values.modes.start : values.modes.start + len(values.offsets)]
            parts += [np.zeros_like(shares), shares * np.square(values.spreads)]
        return np.concatenate(parts).astype(np.float32)
