"""Coverage on features: equal sizes, collapse and noise."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from tff_health.evaluation.images.feature_coverage import feature_coverage
from tff_health.evaluation.synthesis.coverage import coverage_terms


def test_strangers_reach_what_theory_says_and_collapse_is_seen() -> None:
    rng = np.random.default_rng(0)
    real, fresh = rng.normal(size=(600, 4)), rng.normal(size=(600, 4))
    found = feature_coverage(real, fresh, rng=np.random.default_rng(1), resamples=200)
    assert found["coverage"].low < 1 - 2**-5 < found["coverage"].high
    assert found["density"].low < 1.05
    assert found["density"].high > 0.95
    one_mode = feature_coverage(real, 0.05 * fresh, rng=np.random.default_rng(1), resamples=200)
    assert one_mode["precision"].value == 1
    assert one_mode["recall"].high < 0.2
    assert one_mode["coverage"].high < found["coverage"].low
    noisy = feature_coverage(real, fresh + rng.normal(scale=3, size=fresh.shape), rng=np.random.default_rng(1))
    assert noisy["precision"].high < found["precision"].low


def test_the_larger_set_is_cut_to_the_smaller_and_equals_coverage_terms() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(50, 3)), rng.normal(size=(80, 3))
    found = feature_coverage(real, synthetic, rng=np.random.default_rng(1), resamples=50)
    assert {interval.n for interval in found.values()} == {50}
    chosen = synthetic[np.random.default_rng(1).choice(80, 50, replace=False)]
    for name, terms in coverage_terms(real, chosen).items():
        assert found[name].value == pytest.approx(terms.mean())


def test_few_images_are_not_defined_and_other_widths_refused() -> None:
    points = np.random.default_rng(0).normal(size=(10, 3))
    few = feature_coverage(points, points[:4], rng=np.random.default_rng(0), resamples=10)
    assert all(np.isnan(interval.value) for interval in few.values())
    with pytest.raises(DataError, match="2 entries"):
        feature_coverage(points, points[:, :2], rng=np.random.default_rng(0))
