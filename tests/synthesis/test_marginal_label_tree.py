"""Sampling down the tree: the exact conditional distribution, checked against every combination of cells."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from data.errors import DataError
from tff_health.synthesis.marginals.label_tree import LabelTree, independent_features

RNG = np.random.default_rng(4)


def chances(*shape: int) -> np.ndarray:
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


# Features 0 (3 cells), 1 (2 cells, under 0), 2 (4 cells, under 1), 3 (2 cells, alone); positions 10 to 13.
TREE = LabelTree(
    chances(2),
    (10, 11, 12, 13),
    (-1, 0, 1, -1),
    (chances(2, 1, 3), chances(2, 3, 2), chances(2, 2, 4), chances(2, 1, 2)),
)
ROWS = 200_000


def joint() -> dict[tuple[int, ...], float]:
    t = TREE.tables
    return {
        (y, a, b, c, d): TREE.label[y] * t[0][y, 0, a] * t[1][y, a, b] * t[2][y, b, c] * t[3][y, 0, d]
        for y, a, b, c, d in product(range(2), range(3), range(2), range(4), range(2))
    }


@pytest.mark.parametrize(
    ("label", "evidence"), [(None, {}), (1, {}), (None, {12: 3}), (0, {12: 1}), (None, {10: 2, 12: 0, 13: 1})]
)
def test_rows_follow_the_exact_conditional(label: int | None, evidence: dict[int, int]) -> None:
    expected = {
        row: chance
        for row, chance in joint().items()
        if label in (None, row[0]) and all(row[1 + TREE.columns.index(p)] == cell for p, cell in evidence.items())
    }
    total = sum(expected.values())
    labels, cells = TREE.sample(ROWS, label, evidence, np.random.default_rng(9))
    rows, counts = np.unique(np.column_stack([labels, cells]), axis=0, return_counts=True)
    found = {tuple(int(v) for v in row): int(count) for row, count in zip(rows, counts, strict=True)}
    assert set(found) <= set(expected)
    for row, chance in expected.items():
        share = chance / total
        assert abs(found.get(row, 0) / ROWS - share) < 6 * np.sqrt(share / ROWS) + 1e-4


def test_a_small_table_has_every_cell_as_often_as_its_chance_says() -> None:
    tree = independent_features(np.array([0.5, 0.5]), [0], [np.array([[0.3, 0.7], [0.6, 0.4]])])
    for seed in range(20):
        labels, cells = tree.sample(20, None, {}, np.random.default_rng(seed))
        assert labels.sum() == 10
        assert cells[labels == 0].sum() == 7
        assert cells[labels == 1].sum() == 4


def test_single_rows_follow_the_model_too() -> None:
    tree = independent_features(np.array([0.2, 0.8]), [0], [np.array([[0.3, 0.7], [0.6, 0.4]])])
    rng = np.random.default_rng(5)
    drawn = [tree.sample(1, None, {}, rng) for _ in range(4000)]
    assert np.mean([labels[0] for labels, _ in drawn]) == pytest.approx(0.8, abs=0.04)
    assert np.mean([cells[0, 0] for _, cells in drawn]) == pytest.approx(0.2 * 0.7 + 0.8 * 0.4, abs=0.05)


def test_conditions_that_the_tables_exclude_are_met_all_the_same() -> None:
    tree = independent_features(np.array([1.0, 0.0]), [0], [np.array([[1.0, 0.0], [1.0, 0.0]])])
    labels, cells = tree.sample(50, 1, {0: 1}, np.random.default_rng(0))
    assert (labels == 1).all()
    assert (cells == 1).all()
    without, _ = tree.sample(50, None, {}, np.random.default_rng(0))
    assert (without == 0).all()


@pytest.mark.parametrize(
    ("parents", "tables", "match"),
    [
        ((1, 0), (chances(2, 2, 2), chances(2, 2, 2)), "cycle"),
        ((-1, 5), (chances(2, 1, 2), chances(2, 2, 2)), "does not exist"),
        ((-1, 0), (chances(2, 1, 3), chances(2, 2, 2)), "do not fit its tree"),
        ((-1, -1), (chances(2, 1, 3), 2 * chances(2, 1, 2)), "no chances"),
        ((-1, -1), (chances(2, 1, 3), np.full((2, 1, 2), np.nan)), "no chances"),
        ((-1,), (chances(2, 1, 3), chances(2, 1, 2)), "do not fit together"),
    ],
)
def test_damaged_parts_are_refused(parents: tuple[int, ...], tables: tuple[np.ndarray, ...], match: str) -> None:
    with pytest.raises(DataError, match=match):
        LabelTree(np.array([0.5, 0.5]), (0, 1), parents, tables)
