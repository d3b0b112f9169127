"""A preprocessor made of the schema alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from analytics_example import SCHEMA, make_rows

from data.schema import Column, Schema
from tff_health.analytics.preprocessing import TablePreprocessor

ROWS = make_rows(80, seed=21)
PAIN = ("pain=1", "pain=2", "pain=3", "pain=4")


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [({}, -1, 1), ({"scaling": "bounds"}, 0, 1), ({"reach": 2.0}, -2, 2)],
)
def test_public_bounds_map_to_the_ends(options: dict[str, Any], low: float, high: float) -> None:
    preprocessor = TablePreprocessor.from_schema(SCHEMA, **options)
    ends = preprocessor.transform(np.array([[18, 80, 100, 0, 0, 0], [90, 220, 600, 1, 3, 1]], np.float64))
    np.testing.assert_allclose(ends[:, :3], [[low] * 3, [high] * 3])
    np.testing.assert_array_equal(ends[:, 3:], [[0, 1, 0, 0, 0], [1, 0, 0, 0, 1]])
    assert preprocessor.feature_names == ("age", "pressure", "chol", "sex", *PAIN)


def test_missing_cells_get_the_middle_and_no_code() -> None:
    empty = np.full((1, 6), np.nan)
    np.testing.assert_array_equal(TablePreprocessor.from_schema(SCHEMA).transform(empty), np.zeros((1, 8)))
    unscaled = TablePreprocessor.from_schema(SCHEMA, scaling="none", imputation={"categorical": "first"})
    np.testing.assert_array_equal(unscaled.transform(empty)[0], [54, 150, 350, 0, 1, 0, 0, 0])


def test_typical_values_replace_the_middle() -> None:
    preprocessor = TablePreprocessor.from_schema(SCHEMA, scaling="none", typical={"chol": 200})
    assert preprocessor.transform(np.full((1, 6), np.nan))[0, :3].tolist() == [54, 150, 200]
    assert "chol 200" in " ".join(preprocessor.describe())


def test_categories_can_be_symmetric() -> None:
    preprocessor = TablePreprocessor.from_schema(SCHEMA, scale_categories=True, missing_indicators=["pain"])
    features = preprocessor.transform(np.array([[54, 150, 350, 1, np.nan, 0]], np.float64))
    np.testing.assert_array_equal(features, [[0, 0, 0, 1, -1, -1, -1, -1, 1]])


def test_indicators_follow_the_schema_or_the_user_never_the_rows() -> None:
    coded = Column("dose", "continuous", bounds=(0, 10), missing_codes=(-9.0,))
    schema = Schema((coded, *SCHEMA.columns), SCHEMA.target)
    assert TablePreprocessor.from_schema(schema, missing_indicators="schema").indicators == ("dose",)
    named = TablePreprocessor.from_schema(schema, missing_indicators=("pain", "age"))
    assert named.indicators == ("age", "pain")
    rows = np.column_stack([np.ones(len(ROWS)), ROWS])
    np.testing.assert_array_equal(named.transform(rows)[:, -2:], np.isnan(ROWS[:, [0, 4]]))


def test_every_code_of_the_codebook_is_known() -> None:
    preprocessor = TablePreprocessor.from_schema(SCHEMA)
    rows = np.tile([50.0, 120.0, 200.0, 1.0, 0.0, 0.0], (4, 1))
    rows[:, 4] = range(4)
    np.testing.assert_array_equal(preprocessor.transform(rows)[:, 4:], np.eye(4))
    assert all(imputer.unseen == () and imputer.missing is None for imputer in preprocessor.imputers)


def test_it_says_that_only_public_knowledge_was_used() -> None:
    sentences = TablePreprocessor.from_schema(SCHEMA).describe()
    assert sentences[0].startswith("Only public knowledge was used")
    assert not any("over all hospitals" in sentence or "in training" in sentence for sentence in sentences)


def test_json_round_trip_keeps_where_it_came_from() -> None:
    preprocessor = TablePreprocessor.from_schema(SCHEMA, missing_indicators=["age"], scale_categories=True)
    payload = json.loads(json.dumps(preprocessor.to_dict(), allow_nan=False))
    assert TablePreprocessor.from_dict(payload) == preprocessor
    del payload["knowledge"]  # as written before there was a public mode
    assert TablePreprocessor.from_dict(payload).knowledge == "statistics"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scaling": "standard"}, "needs statistics of patients"),
        ({"scaling": "min-max"}, "needs statistics of patients"),
        ({"scaling": "robust"}, "symmetric-bounds"),
        ({"imputation": "median"}, "needs statistics of patients"),
        ({"imputation": {"binary": "most_frequent"}}, "needs statistics of patients"),
        ({"missing_indicators": True}, "is a statistic of patients"),
        ({"missing_indicators": ["weight"]}, "'weight' is no feature"),
        ({"missing_indicators": ["sick"]}, "'sick' is no feature"),
        ({"typical": {"chol": 900}}, "outside its public bounds 100 to 600"),
        ({"typical": {"chol": float("nan")}}, "outside its public bounds"),
        ({"typical": {"sex": 1}}, "holds codes"),
        ({"typical": {"weight": 1}}, "'weight' is no feature"),
        ({"reach": 0}, "above 0"),
        ({"scaling": "bounds", "scale_categories": True}, "go with scaling 'symmetric-bounds'"),
        ({"one_hot": "none"}, "drop-first"),
    ],
)
def test_what_needs_patients_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TablePreprocessor.from_schema(SCHEMA, **options)
