"""How far one patient can move a private release: the proof in `ReleaseLayout`, held to rows of every kind."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from analytics_example import SCHEMA, make_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from data.schema import Column, Schema
from tff_health.analytics.local_release import local_release
from tff_health.analytics.release_layout import ReleaseLayout

RELEASES = [
    ReleaseLayout.needed(SCHEMA, imputation=imputation, scaling=scaling, scale_categories=True, bins=7)
    for imputation, scaling in itertools.product(
        ["mean", "median", "most_frequent", {"integer": "middle", "binary": "all_zero", "continuous": "median"}],
        ["standard", "symmetric-bounds"],
    )
]


def vector(rows: np.ndarray, release: ReleaseLayout) -> np.ndarray:
    return local_release(tf.constant(np.atleast_2d(rows), tf.float64), release).numpy()


anything = st.floats(allow_nan=True, allow_infinity=True)
codes = st.one_of(anything, st.integers(-3, 9).map(float), st.just(np.nan))
cells = [st.one_of(anything, st.floats(low - 1, high + 1)) for low, high in ((18, 90), (80, 220), (100, 600))]


@given(row=st.tuples(*cells, codes, codes, codes), release=st.sampled_from(RELEASES))
@settings(max_examples=400, deadline=None)
def test_no_row_moves_a_release_further_than_its_sensitivity(row: tuple[float, ...], release: ReleaseLayout) -> None:
    moved = vector(np.array(row), release)
    assert moved.shape == (release.size,)
    assert np.isfinite(moved).all()
    assert np.linalg.norm(moved) <= release.sensitivity * (1 + 1e-12)


@pytest.mark.parametrize("release", RELEASES)
def test_the_sensitivity_is_reached(release: ReleaseLayout) -> None:
    """Not a bound with air in it: noise would be wasted."""
    assert np.linalg.norm(vector(np.array([18, 220, 350, 1, 2, 0]), release)) == pytest.approx(release.sensitivity)


def test_encoded_rows_outside_the_bounds_count_as_the_bound() -> None:
    """`Schema.encode` encodes unchecked numbers as they are."""
    frame = pd.DataFrame({"age": [500.0], "pressure": [-1e300], "chol": [np.nan], "sex": [1], "pain": [4], "sick": [0]})
    release = RELEASES[0]
    moments, _, counts = release.split(vector(SCHEMA.encode(frame), release))
    np.testing.assert_array_equal(moments, [[0, 0, 1], [1, -1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(counts["pain"], [0, 0, 0, 1])


def test_a_foreign_code_is_a_missing_one_and_not_the_next_columns() -> None:
    row = np.array([50, 120, 300, 1, 2, 0], np.float64)
    for code in (2.0, 0.5, -1.0, np.inf):
        foreign, missing = row.copy(), row.copy()
        foreign[3], missing[3] = code, np.nan
        np.testing.assert_array_equal(vector(foreign, RELEASES[0]), vector(missing, RELEASES[0]))


def test_a_release_is_the_sum_of_its_patients_and_holds_what_it_says() -> None:
    rows, release = make_rows(60, seed=31, missing=0.2), RELEASES[2]  # moments, histograms and categories
    total = vector(rows, release)
    np.testing.assert_allclose(total, sum(vector(row, release) for row in rows), atol=1e-12)
    (missing, first, spread), bins, counts = release.split(total)
    np.testing.assert_array_equal(missing, np.isnan(rows[:, :3]).sum(axis=0))
    z = (rows[:, :3] - [54, 150, 350]) / [36, 70, 250]
    np.testing.assert_allclose(first, np.nansum(z, axis=0))
    np.testing.assert_allclose(spread, np.nansum(1 - z**2, axis=0))
    assert list(bins) == ["age", "pressure", "chol"]
    expected, _ = np.histogram(rows[:, 1][~np.isnan(rows[:, 1])], bins=7, range=(80, 220))
    np.testing.assert_array_equal(bins["pressure"], expected)
    assert list(counts) == ["sex", "pain"]
    np.testing.assert_array_equal(counts["pain"], [(rows[:, 4] == code).sum() for code in range(4)])


def test_only_what_is_needed_is_released() -> None:
    def needed(scaling: str, categories: bool, **imputation: str) -> ReleaseLayout:
        kinds = {"continuous": "middle", "integer": "middle", "binary": "all_zero", "categorical": "all_zero"}
        return ReleaseLayout.needed(
            SCHEMA,
            imputation={**kinds, **imputation},  # type: ignore[dict-item]
            scaling=scaling,  # type: ignore[arg-type]
            scale_categories=categories,
            bins=7,
        )

    assert (needed("bounds", False).size, needed("bounds", False).sensitivity) == (0, 0)
    assert needed("standard", False).parts == {"moments"}
    assert needed("standard", False).sensitivity == pytest.approx(np.sqrt(3))
    assert needed("bounds", False, integer="median").histograms == (0,)
    assert needed("bounds", False, binary="most_frequent").categories == (3,)
    everything = needed("standard", True, integer="median")
    assert (everything.moments, everything.histograms, everything.categories) == ((0, 1, 2), (0,), (3, 4))
    assert everything.sensitivity == pytest.approx(np.sqrt(6))
    for scaling in ("min-max", "robust"):
        with pytest.raises(ValueError, match=scaling):
            needed(scaling, False)


def test_a_target_in_the_middle_is_left_out() -> None:
    schema = Schema(
        (
            Column("a", "categorical", codebook={"x": "X", "y": "Y", "z": "Z"}),
            Column("sick", "binary", codebook={0: "no", 1: "yes"}),
            Column("b", "binary", codebook={0: "no", 1: "yes"}),
        ),
        target="sick",
    )
    release = ReleaseLayout.needed(schema, imputation="mean", scaling="none", scale_categories=False, bins=7)
    np.testing.assert_array_equal(vector(np.array([[1, 0, 1], [2, 1, 0]]), release), [0, 1, 1, 1, 1])
