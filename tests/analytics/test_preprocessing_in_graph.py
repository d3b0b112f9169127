"""The preprocessing that hospitals apply in a graph is the one that this process applies to rows at hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data.schema import Column, Schema
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.preprocessing_in_graph import features_and_labels
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.runtime.context import execution_context

SCHEMA = Schema(
    (
        Column("age", "integer", (18, 90)),
        Column("pressure", "continuous", (60, 250)),
        Column("sex", "binary", codebook={0: "female", 1: "male"}),
        Column("pain", "categorical", codebook={1: "typical", 2: "atypical", 3: "other", 4: "none"}),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    "ill",
)


def rows(count: int, seed: int) -> np.ndarray:
    """Rows with a missing cell in ten, and a code of pain that no row has."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            rng.integers(18, 91, count),
            rng.uniform(60, 250, count),
            rng.integers(0, 2, count),
            rng.choice([0, 1, 3], count),
            rng.integers(0, 2, count),
        ]
    ).astype(np.float64)
    matrix[:, :4][rng.random((count, 4)) < 0.1] = np.nan
    return matrix


@pytest.fixture(scope="module")
def statistics():
    with execution_context():
        return compute_table_statistics(SCHEMA, [rows(60, 1), rows(40, 2)])


CHOICES = [
    {"scaling": "standard", "one_hot": "all", "missing_indicators": True},
    {"scaling": "standard", "one_hot": "drop-first", "scale_categories": False},
    {"scaling": "symmetric-bounds", "imputation": "median", "missing_indicators": ["age"]},
    {"scaling": "none", "imputation": {"categorical": "all_zero", "continuous": "middle"}},
]


@pytest.mark.parametrize("choice", CHOICES)
def test_features_are_the_same_to_the_last_bit(statistics, choice):
    preprocessor = TablePreprocessor.fit(statistics, SCHEMA, **choice)
    matrix = rows(200, 3)
    matrix[0, 3] = 2  # a code that nobody had in training
    features, labels = tf.function(lambda held: features_and_labels(preprocessor, held))(tf.constant(matrix))
    np.testing.assert_array_equal(features.numpy(), preprocessor.transform(matrix))
    np.testing.assert_array_equal(labels.numpy()[:, 0], preprocessor.labels(matrix))
    assert features.shape == (200, preprocessor.width)


def test_no_rows_give_no_features():
    preprocessor = TablePreprocessor.from_schema(SCHEMA)
    features, labels = features_and_labels(preprocessor, tf.zeros([0, 5], tf.float64))
    assert features.shape == (0, preprocessor.width)
    assert labels.shape == (0, 1)
