"""What is made of released sums: right without noise, cautious with it, consistent always."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from marginal_example import SCHEMA, make_rows

from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.column_estimate import ColumnEstimate, estimate_column
from tff_health.synthesis.marginals.label_balance import balance_block, estimate_balance
from tff_health.synthesis.marginals.label_effect import effect_block, estimate_label_effect, split_by_label
from tff_health.synthesis.marginals.marginal_query import MarginalQuery
from tff_health.synthesis.marginals.pair_estimate import estimate_pair, pair_block
from tff_health.synthesis.marginals.pair_score import (
    choose_forest,
    conditional_covariances,
    halves,
    score_blocks,
    stands_out,
)

LAYOUT = CellLayout(SCHEMA, bins=12)
ROWS = make_rows(4000, seed=5)
CELLS = LAYOUT.cells(ROWS)
SICK = ROWS[:, -1] == 1
BALANCE = 2 * SICK.mean() - 1
LABEL = np.array([1 - SICK.mean(), SICK.mean()])


def counted(column: int, rows: np.ndarray = CELLS) -> np.ndarray:
    return np.bincount(rows[:, column], minlength=LAYOUT.values[column] + 1).astype(float)


def estimated(column: int, stddev: float = 0.0) -> ColumnEstimate:
    return estimate_column(LAYOUT, column, counted(column), stddev=stddev, groups=3)


def effect_total(column: int, estimate: ColumnEstimate) -> np.ndarray:
    return MarginalQuery(LAYOUT, (effect_block(LAYOUT, column, estimate),)).exact([ROWS])


COLUMNS = [estimated(i) for i in LAYOUT.features]
TABLES = [
    split_by_label(c, estimate_label_effect(c, effect_total(i, c), balance=BALANCE, stddev=0.0))
    for i, c in zip(LAYOUT.features, COLUMNS, strict=True)
]


def test_exact_counts_stay() -> None:
    for column in LAYOUT.features:
        np.testing.assert_allclose(estimated(column).counts, counted(column), atol=1e-3)


def test_groups_of_a_number_are_in_order_and_about_equally_full() -> None:
    pressure = COLUMNS[1]
    assert (np.diff(pressure.groups) >= 0).all()
    assert pressure.group_count == 4
    assert (np.abs(pressure.group_mass[:3] / len(ROWS) - 1 / 3) < 0.2).all()


def test_noisy_counts_become_a_distribution() -> None:
    rng = np.random.default_rng(1)
    for column in LAYOUT.features:
        noise = 300 * rng.standard_normal(LAYOUT.values[column] + 1)
        noisy = estimate_column(LAYOUT, column, counted(column) + noise - noise.mean(), stddev=300.0, groups=3)
        assert noisy.counts.sum() == pytest.approx(len(ROWS))
        assert (noisy.counts[:-1] > 0).all()
        assert noisy.counts[-1] >= 0


def test_missing_cells_within_the_noise_are_not_believed() -> None:
    counts = np.array([100.0, 80.0, 15.0])
    column = SCHEMA.names.index("sex")
    assert estimate_column(LAYOUT, column, counts, stddev=10.0, groups=3).counts[-1] == 0
    assert estimate_column(LAYOUT, column, counts, stddev=5.0, groups=3).counts[-1] == 15


def test_smoothing_brings_a_noisy_histogram_nearer() -> None:
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(20):
        noise = 400 * rng.standard_normal(13)
        noisy = counted(1) + noise - noise.mean()
        smoothed = estimate_column(LAYOUT, 1, noisy, stddev=400.0, groups=3).counts
        errors.append([np.abs(smoothed - counted(1)).sum(), np.abs(np.maximum(noisy, 0) - counted(1)).sum()])
    assert np.mean(errors, axis=0)[0] < 0.8 * np.mean(errors, axis=0)[1]


@pytest.mark.parametrize("name", ["sex", "pain"])
def test_without_noise_the_label_s_tables_are_the_counted_ones(name: str) -> None:
    column = SCHEMA.names.index(name)
    for label in (0, 1):
        observed = counted(column, CELLS[label == SICK])
        np.testing.assert_allclose(TABLES[column][label], observed / observed.sum(), atol=0.02)


def test_a_label_that_explains_why_cells_are_missing_is_seen() -> None:
    column = SCHEMA.names.index("age")
    rows = ROWS.copy()
    rows[SICK, column] = np.where(np.arange(SICK.sum()) % 2, np.nan, rows[SICK, column])
    cells = LAYOUT.cells(rows)
    estimate = estimate_column(LAYOUT, column, counted(column, cells), stddev=0.0, groups=3)
    total = MarginalQuery(LAYOUT, (effect_block(LAYOUT, column, estimate),)).exact([rows])
    table = split_by_label(estimate, estimate_label_effect(estimate, total, balance=BALANCE, stddev=0.0))
    for label in (0, 1):
        assert table[label, -1] == pytest.approx(np.isnan(rows[label == SICK, column]).mean(), abs=0.02)


def test_an_effect_that_noise_could_have_made_is_not_believed() -> None:
    column = SCHEMA.names.index("pain")
    total = effect_total(column, COLUMNS[column])
    strong = estimate_label_effect(COLUMNS[column], total, balance=BALANCE, stddev=0.0)
    weak = estimate_label_effect(COLUMNS[column], total, balance=BALANCE, stddev=1e6)
    assert np.ptp(strong) > 0.5
    np.testing.assert_allclose(weak, BALANCE, atol=1e-3)


def test_a_balance_is_drawn_to_the_middle_as_the_noise_wants() -> None:
    total = MarginalQuery(LAYOUT, (balance_block(LAYOUT),)).exact([ROWS])
    assert estimate_balance(total, len(ROWS), 0.0) == pytest.approx(BALANCE)
    assert abs(estimate_balance(total, len(ROWS), 1e5)) < 0.01
    assert abs(estimate_balance(total + 1e6, len(ROWS), 1.0)) <= 0.9


def test_halves_are_halves() -> None:
    for column in COLUMNS:
        signs = halves(column)
        assert signs[-1] == 0
        assert set(signs[:-1]) == {-1.0, 1.0}
        assert abs((signs * column.counts).sum()) < 0.75 * len(ROWS)


def test_only_the_pair_that_depends_beyond_the_label_stands_out() -> None:
    """`vessels` and `pain` go together, but the label explains it; `age` and `pressure` it does not."""
    query = MarginalQuery(LAYOUT, tuple(score_blocks(LAYOUT, COLUMNS, share=2.0)))
    assert query.sensitivity == pytest.approx(np.sqrt(2.0))
    scores = conditional_covariances(
        COLUMNS, TABLES, LABEL, query.split(query.exact([ROWS])), share=2.0, rows=len(ROWS)
    )
    pairs = list(combinations(range(5), 2))
    assert scores[pairs.index((0, 1))] > 0.5
    others = np.delete(np.abs(scores), pairs.index((0, 1)))
    assert others.max() < stands_out(len(pairs)) / np.sqrt(len(ROWS))
    assert choose_forest(5, scores, stands_out(10) / np.sqrt(len(ROWS))) in [(-1, 0, -1, -1, -1), (1, -1, -1, -1, -1)]


def test_the_forest_is_the_heaviest_without_a_cycle() -> None:
    # Pairs of four: 01, 02, 03, 12, 13, 23.
    parents = choose_forest(4, np.array([0.9, 0.8, 0.1, -0.85, 0.0, 0.3]), least=0.2)
    edges = {frozenset((i, p)) for i, p in enumerate(parents) if p >= 0}
    assert edges == {frozenset((0, 1)), frozenset((1, 2)), frozenset((2, 3))}
    assert choose_forest(4, np.zeros(6), least=0.2) == (-1, -1, -1, -1)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0), (2, 4), (4, 3)])
@pytest.mark.parametrize("noise", [0.0, 400.0])
def test_a_pair_s_tables_agree_with_the_columns_own(first: int, second: int, noise: float) -> None:
    """Whatever the noise, the parent's cells summed out leave P(cell | label) of the child."""
    block = pair_block(LAYOUT, first, second, COLUMNS[first], COLUMNS[second])
    exact = MarginalQuery(LAYOUT, (block,)).exact([ROWS])
    total = exact + noise * np.random.default_rng(7).standard_normal(len(exact))
    table = estimate_pair(
        COLUMNS[first],
        COLUMNS[second],
        (TABLES[first], TABLES[second]),
        LABEL,
        total,
        rows=len(ROWS),
        stddev=noise,
    )
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(axis=-1), 1.0)
    np.testing.assert_allclose(np.einsum("ya,yab->yb", TABLES[first], table), TABLES[second], atol=1e-3)


def test_a_pair_s_tables_find_the_dependence_and_noise_hides_it() -> None:
    block = pair_block(LAYOUT, 0, 1, COLUMNS[0], COLUMNS[1])
    total = MarginalQuery(LAYOUT, (block,)).exact([ROWS])
    options = {"rows": len(ROWS)}
    tables = (TABLES[0], TABLES[1])
    found = estimate_pair(COLUMNS[0], COLUMNS[1], tables, LABEL, total, stddev=0.0, **options)
    hidden = estimate_pair(COLUMNS[0], COLUMNS[1], tables, LABEL, total, stddev=1e7, **options)
    young, old = LAYOUT.cells(np.array([[40.0] + [0] * 5, [75.0] + [0] * 5]))[:, 0]
    rank = COLUMNS[1].rank
    assert ((found[:, old] - found[:, young]) @ rank > 0.5).all()
    np.testing.assert_allclose(hidden, np.broadcast_to(TABLES[1][:, np.newaxis], hidden.shape), atol=1e-3)
