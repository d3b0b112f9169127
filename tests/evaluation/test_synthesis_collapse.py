"""Mode collapse: each measure on tables whose fault is known, and a point of a curve in no time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from data.catalogue import load_dataset
from data.schema import Column, Schema
from tff_health.evaluation.synthesis.binning import column_bins, positions
from tff_health.evaluation.synthesis.collapse import CURVE, CollapseReference, collapse_metrics, repeats
from tff_health.evaluation.synthesis.tables import SynthesisTables

SCHEMA = Schema(
    (
        Column("stage", "categorical", codebook={"a": "A", "b": "B", "c": "C", "never": "never seen"}),
        Column("value", "continuous", bounds=(0, 100)),
        Column("count", "integer", bounds=(0, 9)),
        Column("sick", "binary", codebook={0: "no", 1: "yes"}),
    ),
    "sick",
)
RNG = np.random.default_rng(0)
REAL = np.column_stack(
    [
        np.repeat([0, 1, 2], [60, 35, 5]),
        np.concatenate([RNG.uniform(10, 30, 50), RNG.uniform(70, 90, 50)]),
        np.tile([0, 1, 2, np.nan], 25),
        RNG.permutation(np.repeat([0, 1], 50)),
    ]
)
REFERENCE = CollapseReference.fit(REAL, SCHEMA)


def test_real_rows_have_collapsed_in_nothing() -> None:
    values = REFERENCE.measure(REAL)
    assert {name for name, value in values.items() if value != 1} == {"duplicates", "binned_duplicates"}
    assert values["duplicates"] == 0
    assert tuple(REFERENCE.curve_point(REAL)) == CURVE


def test_a_lost_category_is_a_fifth_of_the_real_ones() -> None:
    lost = REAL.copy()
    lost[lost[:, 0] == 2, 0] = 1
    values = REFERENCE.measure(lost)
    assert values["categories_covered"] == 4 / 5
    assert values["rarest_category"] == pytest.approx(1 / 2)  # of the stage 0, of the target all
    assert values["modes_covered"] == 1
    rarer = REAL.copy()
    rarer[np.flatnonzero(rarer[:, 0] == 2)[:3], 0] = 1
    assert REFERENCE.measure(rarer)["rarest_category"] == pytest.approx((2 / 5 + 1) / 2)
    # A category that real rows lack earns nothing.
    new = REAL.copy()
    new[0, 0] = 3
    assert REFERENCE.measure(new)["categories_covered"] == 1


def test_a_lost_hump_of_a_number_is_missed() -> None:
    one_hump = REAL.copy()
    one_hump[:, 1] = np.where(one_hump[:, 1] > 50, one_hump[:, 1] - 60, one_hump[:, 1])
    shares = REFERENCE.shares[1]
    lost, kept = (shares[5:10] > 0).sum(), (shares[:5] > 0).sum()
    count_positions = 4  # 0, 1, 2 and missing
    expected = (kept + count_positions) / (kept + lost + count_positions)
    assert REFERENCE.measure(one_hump)["modes_covered"] == pytest.approx(expected)
    never_missing = REAL.copy()
    never_missing[:, 2] = np.nan_to_num(REAL[:, 2])
    assert REFERENCE.measure(never_missing)["modes_covered"] == pytest.approx(
        (kept + lost + 3) / (kept + lost + count_positions)
    )


def test_entropy_falls_with_the_column_that_shrinks() -> None:
    constant = REAL.copy()
    constant[:, 3] = 1
    values = REFERENCE.measure(constant)
    assert values["lowest_entropy_ratio"] == 0
    assert values["entropy_ratio"] == pytest.approx(3 / 4)
    skewed = REAL.copy()
    skewed[:, 3] = np.repeat([0, 1], [90, 10])
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) / np.log(2)
    assert REFERENCE.measure(skewed)["lowest_entropy_ratio"] == pytest.approx(entropy)


def test_repeated_and_nearly_repeated_rows_are_counted() -> None:
    assert repeats(np.array([[1, np.nan], [2, 1], [1, np.nan], [1, np.nan]])).tolist() == [False, False, True, True]
    few = np.repeat(REAL[:4], 25, axis=0)
    assert REFERENCE.measure(few)["duplicates"] == 0.96
    nearly = few.copy()
    nearly[:, 1] += np.random.default_rng(1).uniform(-1e-6, 1e-6, 100)
    assert REFERENCE.measure(nearly)["duplicates"] == 0
    assert REFERENCE.measure(nearly)["binned_duplicates"] == pytest.approx(0.96, abs=0.02)


def test_numbers_fall_into_bins_of_the_real_range_and_integers_into_their_own() -> None:
    bins = column_bins(REAL, SCHEMA)
    assert [column.size for column in bins] == [5, 11, 4, 3]
    outside = np.array([[0, -5.0, 2, 0], [np.nan, 500.0, np.nan, 1]])
    assert positions(outside, bins).tolist() == [[0, 0, 2, 0], [4, 9, 3, 1]]
    assert bins[2].shares(REAL[:, 2]).tolist() == [0.25] * 4
    constant = column_bins(np.array([[0, 7.0, np.nan, 0]]), SCHEMA)
    assert constant[1].size == 2
    assert constant[2].size == 11  # nothing real to go by: the public bounds


def test_more_synthetic_rows_than_real_ones_gain_nothing() -> None:
    frame = SCHEMA.decode(REAL)
    rare = np.repeat(REAL, 20, axis=0)
    rare[:, 0] = 0
    rare[0, 0] = 2  # one row of two thousand
    rare[1, 0] = 1
    values = collapse_metrics(SynthesisTables(frame, frame, SCHEMA.decode(rare), SCHEMA))
    assert values["categories_covered"] == pytest.approx(3 / 5)
    assert values["real_duplicates"] == 0
    assert values["real_binned_duplicates"] == REFERENCE.measure(REAL)["binned_duplicates"]


def test_a_point_of_a_curve_is_cheap() -> None:
    federation = load_dataset("breast_cancer", {}, seed=0)
    rows = federation.schema.encode(federation.hospitals[4].train)
    reference = CollapseReference.fit(rows, federation.schema)
    start = time.perf_counter()
    for _ in range(20):
        reference.curve_point(rows)
    assert (time.perf_counter() - start) / 20 < 0.1  # 2 ms on an idle machine
