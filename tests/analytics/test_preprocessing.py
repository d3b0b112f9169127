"""Preprocessing fitted federatedly against scikit-learn fitted on the pooled rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from analytics_example import SCHEMA, make_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.analytics.table_statistics import TableStatistics

pytestmark = pytest.mark.usefixtures("tff_context")

TRAIN = make_rows(300, seed=1)
HELD_OUT = make_rows(80, seed=2)
NUMERIC, CODED = [0, 1, 2], [3, 4]
PAIN = ("pain=1", "pain=2", "pain=3", "pain=4")


@pytest.fixture(scope="module")
def statistics(tff_context: None) -> TableStatistics:
    return compute_table_statistics(SCHEMA, [TRAIN[:20], TRAIN[20:21], TRAIN[21:150], TRAIN[150:]])


def fit(statistics: TableStatistics, **options: Any) -> TablePreprocessor:
    return TablePreprocessor.fit(statistics, SCHEMA, **options)


def sklearn_codes(rows: np.ndarray) -> np.ndarray:
    """[rows, 5]: sex as one column, pain as four, the most frequent code where missing."""
    imputer = SimpleImputer(strategy="most_frequent").fit(TRAIN[:, CODED])
    encoder = OneHotEncoder(categories=[[0, 1], [0, 1, 2, 3]], drop="if_binary", sparse_output=False)
    return encoder.fit(imputer.transform(TRAIN[:, CODED])).transform(imputer.transform(rows[:, CODED]))


@pytest.mark.parametrize("rows", [TRAIN, HELD_OUT], ids=["train", "held-out"])
@pytest.mark.parametrize(
    ("scaling", "scaler"), [("standard", StandardScaler()), ("min-max", MinMaxScaler()), ("none", None)]
)
def test_equals_scikit_learn(statistics: TableStatistics, scaling: str, scaler: Any, rows: np.ndarray) -> None:
    numbers = SimpleImputer(strategy="mean").fit(TRAIN[:, NUMERIC]).transform(rows[:, NUMERIC])
    if scaler is not None:
        numbers = scaler.fit(TRAIN[:, NUMERIC]).transform(numbers)
    preprocessor = fit(statistics, scaling=scaling, scale_categories=False)
    features = preprocessor.transform(rows)
    assert features.dtype == np.float32
    assert preprocessor.feature_names == ("age", "pressure", "chol", "sex", *PAIN)
    np.testing.assert_allclose(features, np.hstack([numbers, sklearn_codes(rows)]), rtol=1e-6, atol=1e-6)


def test_standardised_categories_equal_scikit_learn_on_complete_rows() -> None:
    rows = make_rows(250, seed=3, missing=0.0)
    encoder = OneHotEncoder(categories=[[0, 1], [0, 1, 2, 3]], drop="if_binary", sparse_output=False)
    expected = StandardScaler().fit_transform(np.hstack([rows[:, NUMERIC], encoder.fit_transform(rows[:, CODED])]))
    statistics = compute_table_statistics(SCHEMA, np.array_split(rows, 5))
    np.testing.assert_allclose(fit(statistics).transform(rows), expected, atol=1e-6)


def test_missing_codes_count_neither_for_nor_against_a_share(statistics: TableStatistics) -> None:
    seen = TRAIN[:, 3][~np.isnan(TRAIN[:, 3])]
    preprocessor = fit(statistics)
    at = preprocessor.feature_names.index("sex")
    assert preprocessor.centre[at] == pytest.approx(seen.mean())
    assert preprocessor.scale[at] == pytest.approx(seen.std())


def test_median_is_scikit_learns_to_one_bin(statistics: TableStatistics) -> None:
    expected = SimpleImputer(strategy="median").fit(TRAIN[:, NUMERIC]).statistics_
    for imputer, value, name in zip(
        fit(statistics, imputation="median").imputers, expected, SCHEMA.names, strict=False
    ):
        assert imputer.fill == pytest.approx(value, abs=np.diff(statistics.histograms[name].edges)[0])
    assert fit(statistics, imputation="median").imputers[0].fill == expected[0]  # integers, unit bins


def test_most_frequent_is_scikit_learns(statistics: TableStatistics) -> None:
    expected = SimpleImputer(strategy="most_frequent").fit(TRAIN[:, [0, 3, 4]]).statistics_
    imputers = fit(statistics, imputation="most_frequent").imputers
    np.testing.assert_array_equal([imputers[i].fill for i in (0, 3, 4)], expected)


def test_imputation_by_kind(statistics: TableStatistics) -> None:
    preprocessor = fit(statistics, imputation={"integer": "median", "categorical": "all_zero"}, scaling="none")
    assert [i.strategy for i in preprocessor.imputers] == ["median", "mean", "mean", "most_frequent", "all_zero"]
    hole = np.isnan(TRAIN[:, 4])
    assert hole.any()
    pain = preprocessor.transform(TRAIN)[:, 4:]
    np.testing.assert_array_equal(pain.sum(axis=1), ~hole)


def test_drop_first(statistics: TableStatistics) -> None:
    full, dropped = (fit(statistics, one_hot=one_hot, scaling="none") for one_hot in ("all", "drop-first"))
    assert dropped.feature_names == ("age", "pressure", "chol", "sex", *PAIN[1:])
    np.testing.assert_array_equal(dropped.transform(TRAIN), np.delete(full.transform(TRAIN), 4, axis=1))


def test_public_bounds_need_nobodys_extremes() -> None:
    bare = compute_table_statistics(SCHEMA, [TRAIN], extremes=False, correlation=False)
    features = fit(bare, scaling="bounds").transform(np.array([[18, 220, 350, 0, 0, 0]], np.float64))
    np.testing.assert_allclose(features[0, :3], [0, 1, 0.5])
    with pytest.raises(ValueError, match="'bounds'"):
        fit(bare, scaling="min-max")


def test_missing_indicators(statistics: TableStatistics) -> None:
    plain, marked = (fit(statistics, scaling="none", missing_indicators=flag) for flag in (False, True))
    assert marked.feature_names[plain.width :] == tuple(f"{c.name} missing" for c in SCHEMA.features)
    np.testing.assert_array_equal(marked.transform(HELD_OUT)[:, plain.width :], np.isnan(HELD_OUT[:, :5]))
    complete = compute_table_statistics(SCHEMA, [make_rows(20, seed=4, missing=0.0)])
    assert fit(complete, missing_indicators=True).indicators == ()


@pytest.mark.parametrize("scaling", ["standard", "min-max", "bounds", "none"])
def test_constant_and_empty_columns_stay_finite(scaling: str) -> None:
    rows = make_rows(60, seed=5)
    rows[:, 1] = 123.4
    rows[:, 2] = np.nan
    rows[:, 3] = 1
    statistics = compute_table_statistics(SCHEMA, [rows[:30], rows[30:]])
    preprocessor = fit(statistics, scaling=scaling, missing_indicators=True)
    features = preprocessor.transform(np.vstack([rows, HELD_OUT]))
    assert np.isfinite(features).all()
    if scaling in ("standard", "min-max"):
        np.testing.assert_allclose(features[:60, 1], 0, atol=1e-6)
        assert (features[:60, 2] == 0).all()
    assert any("No training row has a value of chol" in sentence for sentence in preprocessor.describe())


def test_a_column_that_one_hospital_lacks_is_filled_from_the_others() -> None:
    rows = make_rows(100, seed=6)
    rows[60:, [2, 4]] = np.nan
    preprocessor = fit(compute_table_statistics(SCHEMA, [rows[:60], rows[60:]]), scaling="none")
    features = preprocessor.transform(rows[60:])
    np.testing.assert_allclose(features[:, 2], np.nanmean(rows[:60, 2]), rtol=1e-6)
    codes = rows[:60, 4][~np.isnan(rows[:60, 4])].astype(int)
    assert (features[:, 4 + np.bincount(codes).argmax()] == 1).all()


def test_a_code_never_seen_in_training_counts_as_missing() -> None:
    rows = make_rows(100, seed=7)
    rows[rows[:, 4] == 2, 4] = 3
    statistics = compute_table_statistics(SCHEMA, [rows])
    new = np.array([[50, 120, 200, 1, 2, 0]], np.float64)
    frequent = fit(statistics, scaling="none")
    np.testing.assert_array_equal(frequent.transform(new)[0, 4:], [0, 0, 0, 1])
    zero = fit(statistics, scaling="none", imputation={"categorical": "all_zero"})
    np.testing.assert_array_equal(zero.transform(new)[0, 4:], [0, 0, 0, 0])
    assert any("codebook of pain" in sentence for sentence in frequent.describe())


def test_the_same_whether_one_hospital_holds_the_rows_or_five(statistics: TableStatistics) -> None:
    whole = fit(compute_table_statistics(SCHEMA, [TRAIN]))
    np.testing.assert_allclose(whole.transform(HELD_OUT), fit(statistics).transform(HELD_OUT), atol=1e-6)


@given(picked=st.lists(st.integers(0, len(HELD_OUT) - 1), max_size=20))
@settings(max_examples=30, deadline=None)
def test_a_row_depends_on_itself_alone(statistics: TableStatistics, picked: list[int]) -> None:
    """Held-out rows cannot leak into one another, nor into what was fitted."""
    preprocessor = fit(statistics, missing_indicators=True)
    before, rows = preprocessor.to_dict(), HELD_OUT.copy()
    some = np.array(picked, np.intp)
    np.testing.assert_array_equal(preprocessor.transform(rows[some]), preprocessor.transform(rows)[some])
    assert preprocessor.to_dict() == before
    np.testing.assert_array_equal(rows, HELD_OUT)


def test_the_target_is_no_feature(statistics: TableStatistics) -> None:
    preprocessor = fit(statistics)
    flipped = HELD_OUT.copy()
    flipped[:, 5] = 1 - flipped[:, 5]
    np.testing.assert_array_equal(preprocessor.transform(flipped), preprocessor.transform(HELD_OUT))
    np.testing.assert_array_equal(preprocessor.labels(HELD_OUT), HELD_OUT[:, 5])
    np.testing.assert_array_equal(preprocessor.labels(flipped), 1 - HELD_OUT[:, 5])
    flipped[3, 5] = np.nan
    with pytest.raises(ValueError, match="row 4 has no value of the target 'sick'"):
        preprocessor.labels(flipped)


@pytest.mark.parametrize(
    "options",
    [{}, {"imputation": {"categorical": "all_zero"}, "scaling": "min-max", "missing_indicators": True}],
)
def test_json_round_trip(statistics: TableStatistics, options: dict[str, Any]) -> None:
    preprocessor = fit(statistics, **options)
    payload = json.loads(json.dumps(preprocessor.to_dict(), allow_nan=False))
    restored = TablePreprocessor.from_dict(payload)
    assert restored == preprocessor
    np.testing.assert_array_equal(restored.transform(HELD_OUT), preprocessor.transform(HELD_OUT))
    with pytest.raises(ValueError, match="format 7"):
        TablePreprocessor.from_dict({**payload, "format": 7})
    del payload["scale"]
    with pytest.raises(ValueError, match="scale"):
        TablePreprocessor.from_dict(payload)


def test_describe_names_what_was_filled(statistics: TableStatistics) -> None:
    text = " ".join(fit(statistics, imputation="median").describe())
    share = np.isnan(TRAIN[:, 2]).mean()
    assert f"chol ({share:.1%}, median)" in text
    assert "0/1 columns likewise" in text
    assert "pain (4)" in text
    assert "8 features" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"imputation": "mode"}, "most_frequent"),
        ({"imputation": {"binary": "mean"}}, "all_zero"),
        ({"imputation": {"text": "mean"}}, "no kind of column"),
        ({"scaling": "robust"}, "min-max"),
        ({"one_hot": "none"}, "drop-first"),
    ],
)
def test_unknown_settings_name_the_known_ones(
    statistics: TableStatistics, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit(statistics, **options)


def test_rows_or_statistics_of_another_table_are_refused(statistics: TableStatistics) -> None:
    with pytest.raises(ValueError, match="6 columns"):
        fit(statistics).transform(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="another schema"):
        TablePreprocessor.fit(statistics, SCHEMA.select(("age", "sick")))


def test_no_rows_give_no_features(statistics: TableStatistics) -> None:
    preprocessor = fit(statistics)
    assert preprocessor.transform(np.empty((0, 6))).shape == (0, preprocessor.width)
