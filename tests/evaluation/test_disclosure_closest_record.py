"""Distances to the closest record: by hand, for a copier and for strangers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.schema import Column, Schema
from tff_health.evaluation.disclosure.closest_record import closest_record_metrics, dcr_share, nearest_two
from tff_health.evaluation.disclosure.gower import closest_others, gower_blocks
from tff_health.evaluation.disclosure.hit_counts import effective_trials, scaled_share

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(0, 100)),
        Column("pain", "categorical", codebook={"a": "none", "b": "some", "c": "much"}),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)
NAN = float("nan")


def table(*rows):
    return pd.DataFrame(
        {"age": [float(r[0]) for r in rows], "pain": [r[1] for r in rows], "ill": [r[2] for r in rows]}
    ).astype({"pain": object, "ill": object})


def ages(*values):
    return table(*((value, "a", 0) for value in values))


def population(rows, seed):
    rng = np.random.default_rng(seed)
    return table(*zip(rng.integers(0, 101, rows), rng.choice(list("abc"), rows), rng.integers(0, 2, rows), strict=True))


def all_distances(columns, rows, others):
    return np.concatenate([block for _, block in gower_blocks(columns, rows, others)])


def test_distances_by_hand():
    rows = table((50, "a", 0), (NAN, "b", 1), (NAN, NAN, 1))
    others = table((70, "a", 1), (NAN, "b", 1), (50, "a", 0))
    expected = np.array([[0.2 + 0 + 1, 1 + 1 + 1, 0], [1 + 1 + 0, 0, 1 + 1 + 1], [1 + 1 + 0, 0 + 1 + 0, 3]]) / 3
    np.testing.assert_allclose(all_distances(SCHEMA.columns, rows, others), expected, atol=1e-12)
    on_one = all_distances([SCHEMA["pain"]], rows, others)
    np.testing.assert_array_equal(on_one, [[0, 1, 0], [1, 0, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match="no column"):
        all_distances([], rows, others)


def test_blocks_are_the_whole(monkeypatch):
    rows, others = population(23, 0), population(10, 1)
    whole = all_distances(SCHEMA.columns, rows, others)
    monkeypatch.setattr("tff_health.evaluation.disclosure.gower._CELLS", 40)
    blocks = list(gower_blocks(SCHEMA.columns, rows, others))
    assert [len(block) for _, block in blocks] == [4, 4, 4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), whole)
    assert not list(gower_blocks(SCHEMA.columns, rows.head(0), others))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_closest_are_found_block_by_block_and_ties_go_to_the_first(monkeypatch, count):
    rows, others = population(23, 0), population(40, 1)
    columns = [SCHEMA["pain"], SCHEMA["ill"]]  # six kinds of rows: ties everywhere
    expected = np.argsort(all_distances(columns, rows, others), axis=1, kind="stable")[:, :count]
    monkeypatch.setattr("tff_health.evaluation.disclosure.gower._CELLS", 160)
    np.testing.assert_array_equal(closest_others(columns, rows, others, count), expected)
    assert closest_others(columns, rows.head(0), others, count).shape == (0, count)


def test_nearest_two_by_hand():
    found = nearest_two(SCHEMA, ages(10, 50), ages(13, 11, 50, 50))
    np.testing.assert_allclose(found, np.array([[1, 3], [0, 0]]) / 300, atol=1e-12)


def test_share_by_hand():
    # 10 and 20 are closest to training rows, 32 to a held-out one, 65 lies between 60 (trained) and 70 (held out).
    synthetic, train, holdout = ages(10, 20, 32, 65), ages(12, 19, 60, 99), ages(30, 70)
    found = dcr_share(train, holdout, synthetic, SCHEMA)
    seen, unseen = 2.5 / 4, 1.5 / 2  # synthetic rows for each training and each held-out row
    assert found.value == pytest.approx(seen / (seen + unseen))
    assert found.low < found.value < found.high
    # Tables of one size: the plain share.
    assert dcr_share(train.head(3), ages(30, 70, 0), synthetic, SCHEMA).value == pytest.approx(2.5 / 4)


def test_share_of_copiers_and_strangers():
    train, holdout, fresh = population(240, 0), population(60, 1), population(240, 2)
    copies = train.sample(200, replace=True, random_state=0)
    assert dcr_share(train, holdout, copies, SCHEMA).low > 0.7
    assert dcr_share(holdout, train, copies, SCHEMA).high < 0.3
    strangers = dcr_share(train, holdout, fresh, SCHEMA)
    assert strangers.low < 0.5 < strangers.high
    assert strangers.high - strangers.low < 0.25


def test_share_of_strangers_is_half_and_its_interval_honest():
    everyone = population(300, 5)
    found = []
    for seed in range(60):
        rows = everyone.sample(frac=1, random_state=seed)
        # More synthetic rows than fresh people: the effective number of rows is what keeps the interval honest.
        synthetic = rows.iloc[150:].sample(600, replace=True, random_state=seed)
        found.append(dcr_share(rows.iloc[:110], rows.iloc[110:150], synthetic, SCHEMA))
    assert np.mean([one.value for one in found]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([one.low <= 0.5 <= one.high for one in found]) >= 0.88


def test_effective_trials():
    # Ten trials, one each on five of ten rows and five elsewhere: as ten independent ones, or nearly.
    spread, lumped = np.array([1] * 5 + [0] * 5), np.array([5] + [0] * 9)
    assert effective_trials(spread, spread[:0], 10) == pytest.approx(0.25 / (10 * spread.var(ddof=1) / 100))
    assert effective_trials(lumped, lumped[:0], 10) == pytest.approx(0.25 / (10 * 2.5 / 100))
    assert effective_trials(lumped[1:], lumped[:0], 100) == 9  # no hit: each row counts once
    assert effective_trials(np.ones(3), np.zeros(2), 3) == 3  # no miss


def test_scaled_share():
    counts = np.array([1, 1, 0, 0])
    found = scaled_share(counts, 20, 12)
    assert found.value == pytest.approx(0.1 * 3)
    assert found.low < found.value < found.high
    assert scaled_share(np.array([9, 9]), 20, 12).value == 1


def test_all_measures_by_hand():
    train, holdout = ages(10, 20, 30, 40), ages(11, 23)
    synthetic = ages(10, 20, 33, 90)
    found = closest_record_metrics(train, holdout, synthetic, SCHEMA, rng=np.random.default_rng(0))
    assert found["exact_copies"].value == 0.5
    assert found["exact_copies_holdout"].value == 0
    assert found["near_copies"].value == 0.5  # the held-out rows lie 1 and 3 years away: within 1 lie 10 and 20
    assert found["near_copies_holdout"].value == 0.5
    assert found["dcr_median"].value == pytest.approx(1.5 / 300)  # 0, 0, 3 and 50 years
    assert found["dcr_median_holdout"].value == pytest.approx(2 / 300)  # 1 and 3 years
    assert found["nndr"].value == pytest.approx((0 + 3 / 7) / 2)  # 0, 0, 3/7 and 50/60
    assert found["nndr_holdout"].value == pytest.approx((1 / 9 + 3 / 7) / 2)
    for name, estimate in found.items():
        assert estimate.low <= estimate.value <= estimate.high, name


def test_the_same_generator_gives_the_same_intervals():
    tables = population(40, 0), population(20, 1), population(40, 2)
    one, two = (closest_record_metrics(*tables, SCHEMA, rng=np.random.default_rng(3), resamples=50) for _ in range(2))
    assert one == two


def test_a_copier_keeps_nearer_than_held_out_patients():
    train, holdout = population(200, 0), population(60, 1)
    found = closest_record_metrics(train, holdout, train, SCHEMA, rng=np.random.default_rng(0), resamples=100)
    assert found["exact_copies"].value == found["near_copies"].value == 1
    assert found["exact_copies_holdout"].high < 0.6
    assert found["dcr_median"].value == found["nndr"].value == 0


@pytest.mark.parametrize("sizes", [(1, 5, 5), (5, 0, 5), (5, 5, 0)])
def test_too_few_rows_are_undefined(sizes):
    tables = [population(size, 0) if size else population(1, 0).head(0) for size in sizes]
    found = closest_record_metrics(*tables, SCHEMA, rng=np.random.default_rng(0))
    assert {estimate.value for estimate in found.values()} == {None}
    assert all(estimate.note for estimate in found.values())
    fewest = population(2, 0), population(2, 1).head(1), population(2, 2).head(1)
    enough = closest_record_metrics(*fewest, SCHEMA, rng=np.random.default_rng(0))
    assert set(enough) == set(found)
    assert None not in {estimate.value for estimate in enough.values()}
