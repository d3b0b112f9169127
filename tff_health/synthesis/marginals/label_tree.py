"""The model that is sampled: the label, and under it a forest of columns, each with at most one parent besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.errors import DataError

_LEAST = 1e-9  # chance of a cell that the tables exclude, so that every condition can be met


@dataclass(frozen=True, eq=False)
class LabelTree:
    """P(label) times the product of P(column | label, parent): a tree-augmented naive Bayes model as a density.

    Friedman, Geiger and Goldszmidt 1997, "Bayesian network classifiers", section 4; a forest without edges is naive
    Bayes, and tables that ignore the label make columns independent of it.

    Attributes:
        label: float64 [2], adding up to 1.
        columns: positions of the feature columns in the schema.
        parents: by feature, the index (in `columns`) of its parent, or -1.
        tables: by feature, float64 [2, cells of the parent (1 where there is none), cells]: P(cell | label, parent's
            cell).
    """

    label: np.ndarray
    columns: tuple[int, ...]
    parents: tuple[int, ...]
    tables: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        if self.label.shape != (2,) or not len(self.columns) == len(self.parents) == len(self.tables):
            raise DataError("the generator's tables do not fit together: make its file again.")
        for parent, table in zip(self.parents, self.tables, strict=True):
            if not -1 <= parent < len(self.columns):
                raise DataError("the generator's tree names a parent that does not exist: make its file again.")
            before = self.tables[parent].shape[-1] if parent >= 0 else 1
            if table.ndim != 3 or table.shape[:2] != (2, before):
                raise DataError("the generator's tables do not fit its tree: make its file again.")
        for table in (self.label, *self.tables):
            if not (np.isfinite(table).all() and (table >= 0).all() and np.allclose(table.sum(axis=-1), 1, atol=1e-6)):
                raise DataError("the generator's tables hold numbers that are no chances: make its file again.")
        if len(self.order) != len(self.columns):
            raise DataError("the generator's tree has a cycle: make its file again.")

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Indices of the features, parents first; without those on a cycle."""
        placed: list[int] = []
        waiting = list(range(len(self.columns)))
        while ready := [i for i in waiting if self.parents[i] in (-1, *placed)]:
            placed += ready
            waiting = [i for i in waiting if i not in ready]
        return tuple(placed)

    def sample(
        self, rows: int, label: int | None, evidence: Mapping[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows from the exact distribution given the evidence, by one pass of messages up and one of draws down.

        Pearl 1988, "Probabilistic Reasoning in Intelligent Systems", section 4.2. Draws are systematic within rows that
        share the label and the parent's cell: each cell is met as often as its chance says, rounded up or down at
        random, so a small table is as near to the model as its size permits; each row by itself follows the model.

        Args:
            rows: how many.
            label: 0 or 1 for all rows, or None.
            evidence: by feature's position in the schema, the cell of all rows.
            rng: of the draws.

        Returns:
            int64 [rows] labels; int64 [rows, features] cells.
        """
        floor = _LEAST if evidence or label is not None else 0.0
        beliefs, chances = self._beliefs(evidence, floor)
        drawn = np.array([label is None or label == y for y in (0, 1)]) * chances
        labels = _systematic(drawn / drawn.sum(), rows, rng)
        cells = np.zeros((rows, len(self.columns)), np.int64)
        for feature in self.order:
            parent, table = self.parents[feature], self.tables[feature]
            before = cells[:, parent] if parent >= 0 else np.zeros(rows, np.int64)
            context = labels * table.shape[1] + before
            by_context = np.argsort(context, kind="stable")
            starts = np.searchsorted(context[by_context], np.arange(2 * table.shape[1] + 1))
            for index in np.flatnonzero(np.diff(starts)):
                group = by_context[starts[index] : starts[index + 1]]
                y, above = divmod(int(index), table.shape[1])
                weights = (table[y, above] + floor) * beliefs[feature][y]
                cells[group, feature] = _systematic(weights / weights.sum(), len(group), rng)
        return labels, cells

    def _beliefs(self, evidence: Mapping[int, int], floor: float) -> tuple[list[np.ndarray], np.ndarray]:
        """By feature, float64 [2, cells]: likelihood of the evidence at and below it; and P(label, evidence) scaled."""
        beliefs = [np.ones(table.shape[::2]) for table in self.tables]
        for position, cell in evidence.items():
            belief = beliefs[self.columns.index(position)]
            belief[:, np.arange(belief.shape[1]) != cell] = 0.0
        chances = self.label + floor
        for feature in reversed(self.order):
            message = np.einsum("ypc,yc->yp", self.tables[feature] + floor, beliefs[feature])
            message /= message.max()
            if (parent := self.parents[feature]) >= 0:
                beliefs[parent] *= message
            else:
                chances *= message[:, 0]
                chances /= chances.sum()
        return beliefs, chances


def independent_features(label: np.ndarray, columns: Sequence[int], tables: Sequence[np.ndarray]) -> LabelTree:
    """The model without edges.

    Args:
        label: float64 [2].
        columns: positions of the features.
        tables: by feature, float64 [2, cells].
    """
    return LabelTree(label, tuple(columns), (-1,) * len(columns), tuple(table[:, np.newaxis, :] for table in tables))


def _systematic(chances: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """int64 [rows] of cells: systematic sampling in random order; zero chances are never drawn."""
    points = (rng.permutation(rows) + rng.random()) / rows
    likely = np.flatnonzero(chances > 0)
    drawn = np.searchsorted(np.cumsum(chances[likely]), points, side="right")
    return likely[np.minimum(drawn, len(likely) - 1)]
