"""What is asked of every patient in one round: sums of coded cells of pairs of columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tff_health.synthesis.marginals.cell_layout import CellLayout


@dataclass(frozen=True, eq=False)
class Block:
    """A coded two-way marginal; with one group in the second column, a one-way marginal.

    Attributes:
        first: position of a column.
        second: position of a column.
        first_groups: int64 [cells of the first column, missing included]: the group of each cell.
        second_groups: the same of the second column.
        code: float64 [first groups, second groups, entries]: what a row in these groups adds to the sum.
    """

    first: int
    second: int
    first_groups: np.ndarray
    second_groups: np.ndarray
    code: np.ndarray

    @property
    def entries(self) -> int:
        """Numbers in the block's sum."""
        return int(self.code.shape[-1])

    @property
    def largest(self) -> float:
        """The largest norm that one row adds."""
        return float(np.sqrt(np.max(np.sum(self.code**2, axis=-1))))


@dataclass(frozen=True, eq=False)
class MarginalQuery:
    """Blocks whose sums are released together; a row adds one code to every block.

    Attributes:
        layout: the cells that groups are made of.
        blocks: one or more.
    """

    layout: CellLayout
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        sizes = [values + 1 for values in self.layout.values]
        for block in self.blocks:
            for column, groups, count in zip(
                (block.first, block.second), (block.first_groups, block.second_groups), block.code.shape, strict=False
            ):
                if groups.shape != (sizes[column],) or groups.min() < 0 or groups.max() >= count:
                    raise ValueError(f"groups of column {column} do not fit its cells or the code")

    @property
    def sensitivity(self) -> float:
        """L2 norm that bounds what one patient adds: the blocks' largest norms, which one row may reach all at once."""
        return math.sqrt(sum(block.largest**2 for block in self.blocks))

    @property
    def size(self) -> int:
        """Numbers released."""
        return sum(block.entries for block in self.blocks)

    @cached_property
    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """int32 [blocks] each: the blocks' first and second columns."""
        return (
            np.array([block.first for block in self.blocks], np.int32),
            np.array([block.second for block in self.blocks], np.int32),
        )

    @cached_property
    def groups(self) -> tuple[np.ndarray, np.ndarray]:
        """int32 [blocks, most cells] each: where a cell of the first and of the second column leads in `table`.

        The row of `table` is the sum of both.
        """
        most = max(self.layout.values) + 1
        first, second = (np.zeros((len(self.blocks), most), np.int32) for _ in range(2))
        start = 0
        for index, block in enumerate(self.blocks):
            first[index, : len(block.first_groups)] = start + block.first_groups * block.code.shape[1]
            second[index, : len(block.second_groups)] = block.second_groups
            start += block.code.shape[0] * block.code.shape[1]
        return first, second

    @cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """float64 [all pairs of groups, most entries] codes padded with zeros, and int32 [all pairs] their blocks."""
        most = max(block.entries for block in self.blocks)
        codes = [block.code.reshape(-1, block.entries) for block in self.blocks]
        padded = [np.pad(code, ((0, 0), (0, most - code.shape[1]))) for code in codes]
        return np.concatenate(padded), np.repeat(np.arange(len(codes), dtype=np.int32), [len(c) for c in codes])

    @cached_property
    def places(self) -> np.ndarray:
        """int32 [size]: where the entries stand in the flattened [blocks, most entries] of padded sums."""
        most = max(block.entries for block in self.blocks)
        return np.concatenate(
            [i * most + np.arange(block.entries, dtype=np.int32) for i, block in enumerate(self.blocks)]
        ).astype(np.int32)

    def split(self, total: np.ndarray) -> list[np.ndarray]:
        """A released vector, float64 [size], by block."""
        return np.split(total, np.cumsum([block.entries for block in self.blocks])[:-1])

    def exact(self, matrices: Sequence[np.ndarray]) -> np.ndarray:
        """The sum over all rows without noise, in NumPy: what the TFF computation must give, for tests.

        Args:
            matrices: float64 [rows, columns] each, as `Schema.encode` gives them.

        Returns:
            float64 [size].
        """
        cells = self.layout.cells(np.concatenate(list(matrices)))
        return np.concatenate(
            [b.code[b.first_groups[cells[:, b.first]], b.second_groups[cells[:, b.second]]].sum(0) for b in self.blocks]
        )


def one_way(layout: CellLayout, column: int, groups: np.ndarray, code: np.ndarray) -> Block:
    """A block of one column alone.

    Args:
        layout: of the query.
        column: its position.
        groups: int64 [cells], see `Block`.
        code: float64 [groups, entries].
    """
    other = layout.target
    return Block(column, other, groups, np.zeros(layout.values[other] + 1, np.int64), code[:, np.newaxis, :])
