"""Training by sampling: which conditions are drawn, and that real rows always meet them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from encoded_tables import LAYOUT, counts, encoded

from tff_health.learning.ctgan.conditions import ConditionSampler
from tff_health.learning.ctgan.sampling import draw_conditions

FLAKE = 1e-6  # each statistical assertion fails by chance once in a million seeds; seeds are fixed
SEED = tf.constant([5, 6], tf.int64)
DRAWS = 20_000


def frequencies(vectors: np.ndarray, column: str) -> np.ndarray:
    start = LAYOUT.condition_start(column)
    size = next(s.size for s in LAYOUT.conditions if s.column == column)
    return np.asarray(vectors)[:, start : start + size].sum(0)


def assert_follows(observed: np.ndarray, weights: np.ndarray) -> None:
    observed, weights = np.asarray(observed, np.float64), np.asarray(weights, np.float64)
    present = weights > 0
    assert observed[~present].sum() == 0
    expected = weights[present] / weights.sum() * observed.sum()
    assert scipy.stats.chisquare(observed[present], expected).pvalue > FLAKE


def test_every_drawn_row_meets_its_condition():
    rows = encoded(60, 1)
    sampler = ConditionSampler(LAYOUT, counts(rows), log_frequency=True)
    drawn = sampler.at_hospital(tf.constant(rows), DRAWS, SEED)
    asked = np.asarray(drawn.vectors)
    assert (asked.sum(1) == 1).all()
    own = rows[np.asarray(drawn.rows)][:, sampler.row_entries]
    assert (own[asked == 1] == 1).all()
    # All rows of a category are as likely as each other.
    first = LAYOUT.condition_start("pain")
    times = np.bincount(np.asarray(drawn.rows)[asked[:, first] == 1], minlength=60)
    assert_follows(times, rows[:, sampler.row_entries[first]])


@pytest.mark.parametrize("log_frequency", [True, False])
def test_columns_are_drawn_alike_and_categories_by_frequency(log_frequency: bool):
    rows = encoded(300, 2)
    own = counts(rows)
    sampler = ConditionSampler(LAYOUT, own, log_frequency=log_frequency)
    at_hospital = sampler.at_hospital(tf.constant(rows), DRAWS, SEED).vectors
    at_server = sampler.at_server(DRAWS, SEED)
    for vectors in (at_hospital, at_server):
        by_column = np.array([frequencies(vectors, name).sum() for name in own])
        assert_follows(by_column, np.ones(3))
        for name, count in own.items():
            assert_follows(frequencies(vectors, name), np.log1p(count) if log_frequency else count)


def test_a_category_that_a_hospital_lacks_is_never_drawn_there():
    here, elsewhere = encoded(16, 3, categories=(0, 2), target=1), encoded(100, 4)
    sampler = ConditionSampler(LAYOUT, counts(here, elsewhere), log_frequency=True)
    vectors = sampler.at_hospital(tf.constant(here), DRAWS, SEED).vectors
    pain = frequencies(vectors, "pain")
    assert (pain[[1, 3]] == 0).all()
    assert (pain[[0, 2]] > 0).all()
    assert frequencies(vectors, "target")[0] == 0
    # Log frequency is that of the whole federation, among the categories that are here.
    assert_follows(pain, np.log1p(counts(here, elsewhere)["pain"]) * [1, 0, 1, 0])


def test_noisy_counts_of_nothing_fall_back_to_uniform():
    own = {name: np.zeros_like(value) for name, value in counts(encoded(5, 1)).items()}
    sampler = ConditionSampler(LAYOUT, own, log_frequency=True)
    assert_follows(frequencies(sampler.at_server(DRAWS, SEED), "pain"), np.ones(4))
    rows = encoded(40, 1)
    drawn = sampler.at_hospital(tf.constant(rows), DRAWS, SEED)
    assert (rows[np.asarray(drawn.rows)][:, sampler.row_entries][np.asarray(drawn.vectors) == 1] == 1).all()


def test_counts_must_fit():
    own = counts(encoded(5, 1))
    with pytest.raises(ValueError, match="pain"):
        ConditionSampler(LAYOUT, own | {"pain": np.zeros(3)}, log_frequency=True)
    with pytest.raises(ValueError, match="negative"):
        ConditionSampler(LAYOUT, own | {"sex": np.array([1.0, -1.0])}, log_frequency=True)


def test_rows_that_nothing_was_asked_of_follow_real_frequencies():
    own = counts(encoded(300, 2))
    vectors = draw_conditions(LAYOUT, own, DRAWS, seed=3)
    for name, count in own.items():
        assert_follows(frequencies(vectors, name), count)
    np.testing.assert_array_equal(vectors, draw_conditions(LAYOUT, own, DRAWS, seed=3))
