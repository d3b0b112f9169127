"""What hospitals add up: the right sums, a bound that no row exceeds, noise of the promised size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from marginal_example import SCHEMA, make_rows

from tff_health.runtime.context import execution_context
from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.marginal_query import Block, MarginalQuery, one_way
from tff_health.synthesis.marginals.marginal_release import local_marginals, release_marginals, total_stddev
from tff_health.synthesis.marginals.simplex_code import counts_from_code, project_to_counts, simplex_code

LAYOUT = CellLayout(SCHEMA, bins=7)
ROWS = make_rows(300, seed=3)
FIVE = [ROWS[:1], ROWS[1:90], ROWS[90:100], ROWS[100:220], ROWS[220:]]


def every_cell(column: int) -> np.ndarray:
    return np.arange(LAYOUT.values[column] + 1)


def pair(first: int, second: int) -> Block:
    codes = [simplex_code(LAYOUT.values[i]) for i in (first, second)]
    product = np.einsum("ai,bj->abij", *codes).reshape(len(codes[0]), len(codes[1]), -1)
    return Block(first, second, every_cell(first), every_cell(second), product)


QUERY = MarginalQuery(
    LAYOUT,
    (
        *(one_way(LAYOUT, i, every_cell(i), simplex_code(LAYOUT.values[i])) for i in LAYOUT.features),
        pair(0, 1),
        pair(4, 5),
        one_way(LAYOUT, 2, np.array([0, 0, 1, 1, 2]), np.array([[0.5], [-0.5], [0.0]])),
    ),
)


def test_cells_go_there_and_back() -> None:
    cells = LAYOUT.cells(ROWS)
    back = LAYOUT.matrix(cells, np.random.default_rng(0))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(ROWS))
    np.testing.assert_array_equal(LAYOUT.cells(back), cells)
    np.testing.assert_array_equal(back[:, 2:], ROWS[:, 2:])  # codes and integers with few values exactly
    for index, column in enumerate(SCHEMA.columns[:3]):
        assert column.bounds is not None
        seen = back[:, index][~np.isnan(back[:, index])]
        assert seen.min() >= column.bounds[0]
        assert seen.max() <= column.bounds[1]
        assert column.kind == "continuous" or (seen == np.rint(seen)).all()


def test_the_bounds_themselves_have_cells() -> None:
    edges = np.array([[18, 80, 0, 0, 0, 0], [90, 220, 3, 1, 2, 1]], np.float64)
    np.testing.assert_array_equal(LAYOUT.cells(edges), [[0] * 6, [v - 1 for v in LAYOUT.values]])


@pytest.mark.parametrize("categories", [1, 2, 3, 4, 17])
def test_codes_have_norm_one_and_tell_the_counts(categories: int) -> None:
    code = simplex_code(categories)
    norms = np.linalg.norm(code, axis=1)
    np.testing.assert_allclose(norms[1 if categories == 1 else 0 :], 1.0)
    counts = np.random.default_rng(categories).integers(0, 50, categories + 1).astype(float)
    np.testing.assert_allclose(counts_from_code(code, code.T @ counts, counts.sum()), counts, atol=1e-9)


def test_two_categories_are_told_apart_with_half_the_variance() -> None:
    corners = simplex_code(2)[:2]
    assert np.linalg.norm(corners[0] - corners[1]) == pytest.approx(2.0)  # one-hot: sqrt(2)


def test_projection_gives_the_nearest_counts() -> None:
    np.testing.assert_allclose(project_to_counts(np.array([5.0, -3.0, 8.0]), 10.0), [3.5, 0.0, 6.5])
    np.testing.assert_allclose(project_to_counts(np.array([1.0, 2.0]), 3.0), [1.0, 2.0])


def test_the_graph_computes_what_numpy_does() -> None:
    local = local_marginals(tf.constant(ROWS), QUERY).numpy()
    np.testing.assert_allclose(local, QUERY.exact([ROWS]), atol=1e-9)
    assert local.shape == (QUERY.size,)


def test_the_bound_is_the_blocks_largest_norms() -> None:
    assert QUERY.sensitivity == pytest.approx(math.sqrt(5 + 2 + 0.25))
    per_row = np.array([QUERY.exact([row[np.newaxis]]) for row in ROWS])
    assert np.linalg.norm(per_row, axis=1).max() == pytest.approx(QUERY.sensitivity)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, (1, 6), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_no_row_whatever_exceeds_the_bound(row: np.ndarray) -> None:
    assert np.linalg.norm(local_marginals(tf.constant(row), QUERY).numpy()) <= QUERY.sensitivity + 1e-9


def test_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="groups of column 2"):
        MarginalQuery(LAYOUT, (one_way(LAYOUT, 2, np.array([0, 1]), np.eye(2)),))


@pytest.mark.parametrize(
    ("noise", "placement"), [(None, "shared"), (None, "each-hospital"), (1e-9, "shared"), (1e-9, "each-hospital")]
)
def test_hospitals_together_release_the_pooled_sum(noise: float | None, placement: Any) -> None:
    secure = noise is not None and placement == "shared"
    with execution_context("test" if secure else "native"):
        total = release_marginals(QUERY, FIVE, noise_multiplier=noise, placement=placement)
    np.testing.assert_allclose(total, QUERY.exact([ROWS]), atol=1e-5)


@pytest.mark.parametrize("placement", ["shared", "each-hospital"])
def test_the_noise_has_the_promised_size_and_is_fresh(placement: Any) -> None:
    """The variance of n numbers is within six of its own standard deviations, sqrt(2 / n), of the promise."""
    with execution_context("test" if placement == "shared" else "native"):
        totals = [release_marginals(QUERY, FIVE, noise_multiplier=2.0, placement=placement) for _ in range(2)]
    stddev = total_stddev(QUERY, 2.0, placement, 5)
    assert stddev == pytest.approx(2.0 * QUERY.sensitivity * (1.0 if placement == "shared" else math.sqrt(5)))
    noise = (np.concatenate(totals) - np.tile(QUERY.exact([ROWS]), 2)) / stddev
    assert abs(np.mean(noise**2) - 1) < 6 * math.sqrt(2 / len(noise))
    assert len(np.unique(noise)) == len(noise)
    assert abs(np.corrcoef(noise[: QUERY.size], noise[QUERY.size :])[0, 1]) < 6 / math.sqrt(QUERY.size)
