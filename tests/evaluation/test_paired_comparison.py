"""Comparisons over cells: SciPy's paired test without overlap, the published correction with it, Holm by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tff_health.evaluation.paired_comparison import compare_pairs, compare_with, holm


def test_without_overlap_it_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.8, 0.05, 10), rng.normal(0.77, 0.05, 10)
    found = compare_pairs(first.tolist(), second.tolist())
    expected = stats.ttest_rel(first, second)
    assert found is not None
    assert found.p_value == pytest.approx(expected.pvalue)
    low, high = stats.t.interval(0.95, 9, (first - second).mean(), stats.sem(first - second))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.effect == pytest.approx((first - second).mean() / (first - second).std(ddof=1))


def test_overlapping_splits_widen_the_interval_as_published():
    # Nadeau and Bengio 2003, eq. (9) with J = 15 and n2 / n1 = 1 / 9: the variance is (1/15 + 1/9) s^2.
    rng = np.random.default_rng(2)
    differences = rng.normal(0.02, 0.03, 15)
    plain, wide = (compare_pairs(differences.tolist(), [0.0] * 15, overlap=share) for share in (0.0, 1 / 9))
    assert plain is not None
    assert wide is not None
    ratio = np.sqrt((1 / 15 + 1 / 9) / (1 / 15))
    assert wide.high - wide.value == pytest.approx((plain.high - plain.value) * ratio)  # type: ignore[operator]
    assert wide.p_value > plain.p_value  # type: ignore[operator]
    assert wide.effect == plain.effect


def test_overlapping_splits_of_equal_arms_are_seldom_told_apart():
    """Twenty splits of the same patients, two classifiers that differ by chance alone: 5 % must stay about 5 %."""
    rng = np.random.default_rng(3)
    wrong = {0.0: 0, 0.25: 0}
    trials = 400
    for _ in range(trials):
        patients = rng.normal(size=100)  # how much better the first does on each patient
        differences = [patients[rng.permutation(100)[:20]].mean() for _ in range(20)]
        for overlap in wrong:
            found = compare_pairs(differences, [0.0] * 20, overlap=overlap)
            assert found is not None
            wrong[overlap] += found.p_value < 0.05  # type: ignore[operator]
    assert wrong[0.25] / trials < 0.09
    assert wrong[0.0] / trials > 0.2  # what the plain test would say


def test_missing_values_are_left_out_in_pairs():
    found = compare_pairs([0.9, None, 0.8, 0.7], [0.8, 0.5, None, 0.5])
    assert found is not None
    assert found.pairs == 2
    assert found.value == pytest.approx(0.15)
    alone = compare_pairs([0.9], [0.8])
    assert alone is not None
    assert (alone.low, alone.p_value, alone.shown) == (None, None, False)
    assert compare_pairs([None], [0.8]) is None
    with pytest.raises(ValueError, match="cannot be paired"):
        compare_pairs([0.1], [0.1, 0.2])


def test_cells_that_all_differ_alike():
    # In binary .9 - .8, .8 - .7 and .7 - .6 are not quite the same.
    same, apart = compare_pairs([0.5, 0.6], [0.5, 0.6]), compare_pairs([0.9, 0.8, 0.7], [0.8, 0.7, 0.6])
    assert same is not None
    assert apart is not None
    assert (same.value, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert (apart.low, apart.high, apart.p_value) == (None, None, None)
    assert apart.value == pytest.approx(0.1)
    assert not apart.shown
    assert same.effect is None
    assert apart.effect is None


def test_rounding_alone_is_no_difference():
    found = compare_with([0.9, 0.8, 0.7], {"other": [0.9, 0.8000000000000002, 0.7000000000000001]})["other"]
    assert (found.value, found.low, found.high, found.p_corrected) == (0.0, 0.0, 0.0, 1.0)


def test_one_patient_more_in_both_of_two_cells_shows_nothing():
    found = compare_with([50 / 57, 52 / 57], {"other": [51 / 57, 53 / 57]})["other"]
    assert found.p_corrected is None
    assert not found.shown


def test_holm_by_hand():
    # Four tests: 4 x .01, 3 x .013, 2 x .03, and .04, each no smaller than the one before.
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.013})
    assert found == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.04})
    assert list(found) == ["a", "b", "c", "d"]
    assert holm({"a": 0.4, "b": 0.9}) == {"a": 0.8, "b": 0.9}


def test_more_comparisons_ask_for_more():
    rng = np.random.default_rng(4)
    base = rng.normal(0.8, 0.02, 12)
    arms = {f"arm {k}": (base + rng.normal(0.02 if k == 0 else 0, 0.015, 12)).tolist() for k in range(8)}
    few, many = compare_with(base.tolist(), {"arm 0": arms["arm 0"]}), compare_with(base.tolist(), arms)
    assert few["arm 0"].p_corrected == few["arm 0"].p_value
    assert many["arm 0"].p_value == few["arm 0"].p_value
    assert many["arm 0"].p_corrected == pytest.approx(min(1, 8 * few["arm 0"].p_value))  # type: ignore[operator]
    assert list(many) == list(arms)
