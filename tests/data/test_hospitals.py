import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.errors import SettingsError
from data.hospitals import dirichlet, iid, partition_rows, simulated_hospitals, size_skew, stratified_split

METHODS = ("iid", "dirichlet", "size_skew")


def labels_of(*counts: int, seed: int = 0) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(METHODS),
    counts=st.lists(st.integers(1, 80), min_size=1, max_size=4),
    n=st.integers(1, 12),
    seed=st.integers(0, 2**63),
    alpha=st.floats(1e-320, 1e6),
    min_rows=st.integers(0, 12),
    min_per_class=st.integers(0, 4),
)
def test_every_row_lands_once_and_the_minima_hold(method, counts, n, seed, alpha, min_rows, min_per_class):
    labels = labels_of(*counts)
    assume(n * max(min_rows, 1) <= len(labels) and n * min_per_class <= min(counts))
    arguments = {"alpha": alpha, "min_rows": max(min_rows, 1), "min_per_class": min_per_class}
    parts = partition_rows(method, labels, n, seed, **arguments)
    assert len(parts) == n
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part in parts:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
        assert len(part) >= max(min_rows, 1)
        assert np.bincount(labels[part], minlength=len(counts)).min() >= min_per_class
    again = partition_rows(method, labels, n, seed, **arguments)
    assert all(np.array_equal(one, two) for one, two in zip(parts, again, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_gives_another_partition(method):
    labels = labels_of(200, 100)
    first, second = (partition_rows(method, labels, 5, seed) for seed in (1, 2))
    assert any(not np.array_equal(one, two) for one, two in zip(first, second, strict=True))


def test_iid_hospitals_are_alike_in_size_and_class_mix():
    labels = labels_of(6000, 4003)
    parts = iid(labels, 5, 3)
    assert sorted({len(part) for part in parts}) == [2000, 2001]
    assert all(abs(labels[part].mean() - labels.mean()) < 0.04 for part in parts)


def test_iid_spreads_a_rare_class_evenly_where_chance_would_not():
    labels = labels_of(90, 10)
    parts = iid(labels, 10, 0)
    assert [labels[part].sum() for part in parts] == [1] * 10
    assert {len(part) for part in parts} == {10}


def _spread(parts: list[np.ndarray], labels: np.ndarray) -> float:
    return float(np.std([labels[part].mean() for part in parts]))


def test_dirichlet_skews_labels_more_the_smaller_alpha():
    labels = labels_of(3000, 2000)
    spread = {
        alpha: np.mean([_spread(dirichlet(labels, 5, seed, alpha=alpha), labels) for seed in range(20)])
        for alpha in (0.1, 1, 100)
    }
    assert spread[0.1] > spread[1] > spread[100]
    assert spread[100] < 0.05
    assert spread[0.1] > 0.3


def test_dirichlet_shares_have_the_spread_of_the_distribution():
    # A hospital's share of a class is Beta(alpha, (n - 1) alpha): variance (n - 1) / n^2 / (n alpha + 1).
    labels = labels_of(2000, 2000)
    shares = [
        np.bincount(labels[part], minlength=2)[0] / 2000
        for seed in range(200)
        for part in dirichlet(labels, 4, seed, alpha=2.0)
    ]
    assert np.mean(shares) == pytest.approx(0.25)
    assert np.var(shares) == pytest.approx(3 / 16 / 9, rel=0.2)


def test_a_vanishing_alpha_is_repaired_to_the_minima():
    labels = labels_of(100, 100)
    parts = dirichlet(labels, 5, 0, alpha=1e-300, min_rows=10, min_per_class=2)
    counts = np.array([np.bincount(labels[part], minlength=2) for part in parts])
    assert counts.min() == 2
    assert counts.sum(1).min() == 10
    assert counts.max() > 60


def test_size_skew_keeps_the_class_mix():
    labels = labels_of(3000, 1000)
    parts = size_skew(labels, 5, 1, alpha=0.5, min_rows=40)
    sizes = [len(part) for part in parts]
    assert max(sizes) > 3 * min(sizes)
    assert all(abs(labels[part].mean() - 0.25) < 0.03 for part in parts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("n", "counts", "arguments", "message"),
    [
        (11, (5, 5), {}, "11 hospitals of at least 1 rows need 11 rows, and there are 10; ask for fewer"),
        (5, (20, 20), {"min_rows": 9}, "5 hospitals of at least 9 rows need 45 rows"),
        (5, (96, 4), {}, "class 1 is too rare for 5 hospitals: each needs 1 of its rows, and there are 4"),
        (5, (91, 9), {"min_per_class": 2}, "class 1 is too rare"),
        (0, (5, 5), {}, "at least 1, not 0"),
        (-3, (5, 5), {}, "at least 1, not -3"),
        (1, (0, 0), {}, "there are 0"),
    ],
)
def test_impossible_requests_are_refused(method, n, counts, arguments, message):
    with pytest.raises(SettingsError, match=message):
        partition_rows(method, labels_of(*counts), n, 0, **arguments)


@pytest.mark.parametrize("alpha", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("method", ["dirichlet", "size_skew"])
def test_alpha_must_be_a_positive_number(method, alpha):
    with pytest.raises(SettingsError, match="alpha must be a number above 0"):
        partition_rows(method, labels_of(50, 50), 5, 0, alpha=alpha)


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    fraction=st.floats(0.0001, 0.9999),
    seed=st.integers(0, 2**63),
)
def test_split_is_stratified_and_complete(counts, fraction, seed):
    labels = labels_of(*counts)
    train, test = stratified_split(labels, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(labels)))
    for value, count in enumerate(counts):
        held_out = int((labels[test] == value).sum())
        assert (labels[train] == value).sum() >= 1
        assert abs(held_out - fraction * count) <= 1
        assert held_out >= (count > 1)
    again = stratified_split(labels, fraction, seed)
    assert all(np.array_equal(one, two) for one, two in zip((train, test), again, strict=True))


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 2, np.nan])
def test_split_fraction_must_lie_inside(fraction):
    with pytest.raises(SettingsError, match="strictly between 0 and 1"):
        stratified_split(labels_of(5, 5), fraction, 0)


def test_split_of_no_rows_is_empty():
    train, test = stratified_split(np.array([], int), 0.3, 0)
    assert len(train) == len(test) == 0


def test_simulated_hospitals_hold_the_rows_of_their_part():
    labels = labels_of(40, 20)
    frame = pd.DataFrame({"row": np.arange(60)})
    parts = iid(labels, 3, 0)
    hospitals = simulated_hospitals(frame, labels, parts, 0.25, 0)
    assert [hospital.name for hospital in hospitals] == ["hospital 1", "hospital 2", "hospital 3"]
    for hospital, part in zip(hospitals, parts, strict=True):
        held = sorted([*hospital.train["row"], *hospital.test["row"]])
        assert held == part.tolist()
        assert hospital.train.index.tolist() == list(range(len(hospital.train)))
        assert set(labels[hospital.train["row"]]) == set(labels[hospital.test["row"]]) == {0, 1}


def test_a_hospitals_split_does_not_depend_on_the_other_hospitals():
    labels = labels_of(40, 40)
    frame = pd.DataFrame({"row": np.arange(80)})
    first, second = np.arange(40), np.arange(40, 80)
    both = simulated_hospitals(frame, labels, [first, second], 0.25, 0)
    fewer = simulated_hospitals(frame, labels, [first[:20], second], 0.25, 0)
    assert both[1].test.equals(fewer[1].test)


@pytest.mark.parametrize(("n", "hospitals_of"), [(2, (1, 1)), (5, (3, 2)), (10, (6, 4))])
def test_one_class_hospitals_hold_one_class_each_in_proportion(n, hospitals_of):
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1], [357, 212]))
    parts = partition_rows("one_class", labels, n, 1, min_rows=20, min_per_class=4)
    assert sorted(np.concatenate(parts).tolist()) == list(range(569))
    held = [set(labels[part]) for part in parts]
    assert all(len(classes) == 1 for classes in held)
    assert (held.count({0}), held.count({1})) == hospitals_of
    for value in (0, 1):
        sizes = [len(part) for part, classes in zip(parts, held, strict=True) if classes == {value}]
        assert max(sizes) - min(sizes) <= 1
    other = partition_rows("one_class", labels, n, 2, min_rows=20, min_per_class=4)
    assert [part.tolist() for part in parts] != [part.tolist() for part in other] or n == 2


def test_one_class_hospitals_that_cannot_be():
    labels = np.repeat([0, 1], [50, 10])
    with pytest.raises(SettingsError, match="cannot hold 2 classes"):
        partition_rows("one_class", labels, 1, 1)
    with pytest.raises(SettingsError, match="cannot have 20 rows"):
        partition_rows("one_class", labels, 3, 1, min_rows=20)
