"""Statistics out of a noisy release against the exact ones, and their usability whatever the noise did."""

from __future__ import annotations

import json
from typing import Any

import dp_accounting
import numpy as np
import pytest
import tensorflow as tf
from analytics_example import SCHEMA, make_rows
from dp_accounting.pld import PLDAccountant
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data.errors import DataError, SettingsError
from tff_health.analytics.local_release import local_release
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.private_statistics import build_private_release, compute_private_statistics
from tff_health.analytics.release_layout import ReleaseLayout
from tff_health.analytics.released_statistics import nonnegative_counts, released_statistics, variance_error
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.runtime.context import execution_context

pytestmark = pytest.mark.usefixtures("tff_context")
ROWS = make_rows(600, seed=41)
THREE = [ROWS[:100], ROWS[100:350], ROWS[350:]]
HALF = np.array([36.0, 70.0, 250.0])
EPSILON_ONE = 3.73  # noise multiplier of one Gaussian release with epsilon about 1 at delta 1e-5
STANDARD = ReleaseLayout.needed(SCHEMA, imputation="mean", scaling="standard", scale_categories=True, bins=16)
EVERYTHING = ReleaseLayout.needed(SCHEMA, imputation="median", scaling="standard", scale_categories=True, bins=16)
PLACEMENTS = [("server", False), ("server", True), ("shared", True), ("each-hospital", False)]


def private(noise: float, placement: str = "server", secure: bool = False) -> PrivateStatistics:
    return PrivateStatistics(noise, placement, 3, secure)  # type: ignore[arg-type]


@pytest.mark.parametrize(("placement", "secure"), PLACEMENTS)
def test_with_vanishing_noise_they_are_the_exact_statistics(placement: str, secure: bool) -> None:
    exact = compute_table_statistics(SCHEMA, THREE, bins=16)
    options: dict[str, Any] = {"imputation": "median", "missing_indicators": ["age", "pain"]}
    with execution_context("test" if secure else "native"):
        noisy = compute_private_statistics(SCHEMA, THREE, EVERYTHING, private(1e-9, placement, secure))
    assert noisy.rows == 600
    np.testing.assert_allclose(noisy.observed[:5], exact.observed[:5], atol=1e-5)
    np.testing.assert_allclose(noisy.mean[:3] / HALF, exact.mean[:3] / HALF, atol=1e-6)
    np.testing.assert_allclose(noisy.variance[:3] / HALF**2, exact.variance[:3] / HALF**2, atol=1e-6)
    for name in ("age", "pressure", "chol"):
        np.testing.assert_allclose(noisy.histograms[name].counts, exact.histograms[name].counts, atol=1e-5)
    for name in ("sex", "pain"):
        np.testing.assert_allclose(noisy.categories[name], exact.categories[name], atol=1e-5)
    fitted = [TablePreprocessor.fit(statistics, SCHEMA, **options) for statistics in (noisy, exact)]
    np.testing.assert_allclose(fitted[0].transform(ROWS), fitted[1].transform(ROWS), atol=1e-5)


@pytest.mark.parametrize(("placement", "secure"), PLACEMENTS)
def test_at_epsilon_one_means_and_variances_are_as_near_as_the_noise_allows(placement: str, secure: bool) -> None:
    """Six standard deviations of the error to first order, and a twentieth for the second: 6 x 4 checks at 2e-9."""
    exact = compute_table_statistics(SCHEMA, THREE)
    settings_ = private(EPSILON_ONE, placement, secure)
    assert PLDAccountant().compose(settings_.event()).get_epsilon(1e-5) == pytest.approx(1.0, abs=0.02)
    with execution_context("test" if secure else "native"):
        noisy = compute_private_statistics(SCHEMA, THREE, STANDARD, settings_)
    hospitals = np.sqrt(3) if placement == "each-hospital" else 1.0
    assert noisy.noise == pytest.approx(EPSILON_ONE * np.sqrt(5) * hospitals)
    count, z = exact.observed[:3], (exact.mean[:3] - [54, 150, 350]) / HALF
    z_variance = exact.variance[:3] / HALF**2
    mean_error = noisy.noise / count * np.sqrt(1 + z**2)
    tolerance = 6 * 1.05 * mean_error
    assert (tolerance < 0.35).all()  # the checks below mean something: a fraction of half the public range
    off = np.abs(noisy.mean[:3] - exact.mean[:3]) / HALF
    assert (off <= tolerance).all()
    assert (off > 1e-9).all()  # noise was added
    error = variance_error(z, z_variance, count, noisy.noise)
    assert (np.abs(noisy.variance[:3] / HALF**2 - z_variance) <= 6 * 1.05 * error + tolerance**2).all()


def test_the_error_formula_is_the_empirical_error() -> None:
    """20,000 simulated releases: the sample's standard deviation is 0.5 % off at one sigma, 5 % is far out."""
    rng = np.random.default_rng(0)
    count, mean, variance, noise = 500.0, -0.4, 0.1, 5.0
    sums = np.array([count * mean, count * (1 - variance - mean**2), count])
    first, spread, counted = sums[:, np.newaxis] + noise * rng.standard_normal((3, 20_000))
    empirical = np.std(1 - spread / counted - (first / counted) ** 2)
    formula = variance_error(np.array(mean), np.array(variance), np.array(count), noise)
    assert float(formula) == pytest.approx(empirical, rel=0.05)


def test_the_noise_on_a_release_is_the_multiplier_times_its_sensitivity() -> None:
    """30 releases of 62 entries, 1860 draws: six standard deviations are 10 %, a flake rate of 2e-9."""
    computation = build_private_release(EVERYTHING, private(2.0, "each-hospital"), most_rows=250)
    exact = np.asarray(build_private_release(EVERYTHING, private(1e-12), most_rows=250)(THREE))
    noise = np.stack([np.asarray(computation(THREE)) for _ in range(30)]) - exact
    assert noise.shape == (30, 62)
    expected = 2.0 * np.sqrt(8) * np.sqrt(3)  # multiplier, 3 + 3 + 2 blocks, 3 hospitals
    assert noise.std() == pytest.approx(expected, rel=6 / np.sqrt(2 * noise.size))


@st.composite
def releases(draw: st.DrawFn) -> tuple[np.ndarray, int, float]:
    numbers = st.floats(-1e7, 1e7, allow_subnormal=False)
    vector = draw(hnp.arrays(np.float64, EVERYTHING.size, elements=st.one_of(numbers, st.floats(-700, 700))))
    return vector, draw(st.integers(1, 1000)), draw(st.floats(1e-9, 1e6))


ANY_ROWS = np.vstack([ROWS[:50], [[18, 80, 100, 0, 0, 0], [90, 220, 600, 1, 3, 1]], np.full((1, 6), np.nan)])


def _in_one_entry(place: int, value: float) -> tuple[np.ndarray, int, float]:
    vector = np.zeros(EVERYTHING.size)
    vector[place] = value
    return vector, 1, 1.0


@example(release=_in_one_entry(24, 0.5), scaling="standard")  # in the last bin of age, which reaches beyond its bounds
@given(release=releases(), scaling=st.sampled_from(["standard", "symmetric-bounds", "bounds", "none"]))
@settings(max_examples=200, deadline=None)
def test_any_noise_leaves_a_usable_preprocessor(release: tuple[np.ndarray, int, float], scaling: Any) -> None:
    """Finite everywhere, and no feature beyond what the floors of the scales allow."""
    vector, rows, noise = release
    statistics = released_statistics(EVERYTHING, vector, rows=rows, hospitals=3, noise=noise)
    json.dumps(statistics.to_dict(), allow_nan=False)
    for imputation in ("mean", "median", "most_frequent"):
        preprocessor = TablePreprocessor.fit(
            statistics, SCHEMA, imputation=imputation, scaling=scaling, missing_indicators=["age", "sex"]
        )
        json.dumps(preprocessor.to_dict(), allow_nan=False)
        assert preprocessor.describe()[0].startswith("The preprocessing was fitted with a differentially private")
        features = preprocessor.transform(ANY_ROWS)
        assert np.isfinite(features).all()
        for column, imputer in zip(SCHEMA.features, preprocessor.imputers, strict=True):
            low, high = column.bounds or (0, len(column.codes) - 1)
            assert imputer.fill is None or low <= imputer.fill <= high
            assert 0 <= (imputer.missing or 0) <= 1
        if scaling == "standard":
            numbers, zero_one = np.abs(features[:, :3]), np.abs(features[:, 3:])
            assert numbers.max() <= 200 * (1 + 1e-6)
            assert zero_one.max() <= np.sqrt(2 * rows) + 2


@pytest.mark.parametrize("off", [-6.0, 0.0, 11.9])
def test_a_column_without_values_falls_back_on_the_public_bounds(off: float) -> None:
    """A released count that its noise can explain is read as none, and its mean is not believed."""
    rows, noise = ROWS.copy(), 6.0
    rows[:, 2] = np.nan
    vector = local_release(tf.constant(rows), STANDARD).numpy()
    vector[[2, 5]] += [-off, 40.0]  # of the third column: the missing, then the sum of z
    statistics = released_statistics(STANDARD, vector, rows=600, hospitals=3, noise=noise)
    preprocessor = TablePreprocessor.fit(statistics, SCHEMA)
    assert preprocessor.imputers[2].strategy == "middle of the public bounds"
    assert (preprocessor.imputers[2].fill, preprocessor.centre[2], preprocessor.scale[2]) == (350, 350, 250)
    assert preprocessor.centre[0] != 54


@given(
    counts=hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(-1e4, 1e4)),
    most=st.floats(1, 1e4),
)
@settings(max_examples=200, deadline=None)
def test_counts_are_projected(counts: np.ndarray, most: float) -> None:
    projected = nonnegative_counts(counts, most)
    total = np.clip(counts.sum(), 0, most)
    assert (projected >= 0).all()
    assert projected.sum() == pytest.approx(total, abs=1e-6)
    if total > 0:  # the nearest: what is kept was moved by one amount, what is 0 lay below it
        moved = (counts - projected)[projected > 0]
        np.testing.assert_allclose(moved, moved[0], atol=1e-6)
        assert (counts[projected == 0] <= moved[0] + 1e-6).all()


def test_absent_parts_are_absent_and_asked_for_by_name() -> None:
    only_mean = ReleaseLayout.needed(
        SCHEMA,
        imputation={"binary": "all_zero", "categorical": "all_zero"},
        scaling="bounds",
        scale_categories=False,
        bins=8,
    )
    statistics = compute_private_statistics(SCHEMA, THREE, only_mean, private(0.1))
    assert statistics.histograms == {}
    assert statistics.categories == {}
    payload = json.loads(json.dumps(statistics.to_dict(), allow_nan=False))
    assert payload["noise"] == pytest.approx(0.1 * np.sqrt(3))
    assert [column["missing"] is None for column in payload["columns"]] == [False, False, False, True, True, True]
    with pytest.raises(ValueError, match="'histograms'"):
        TablePreprocessor.fit(statistics, SCHEMA, imputation="median")
    with pytest.raises(ValueError, match="'categories'"):
        TablePreprocessor.fit(statistics, SCHEMA)
    with pytest.raises(ValueError, match="'bounds'"):
        TablePreprocessor.fit(statistics, SCHEMA, scaling="min-max")
    with pytest.raises(ValueError, match="is a statistic of patients"):
        TablePreprocessor.fit(
            statistics,
            SCHEMA,
            imputation={"binary": "all_zero", "categorical": "all_zero"},
            scaling="bounds",
            missing_indicators=True,
        )


def test_exact_statistics_can_leave_parts_out_too() -> None:
    statistics = compute_table_statistics(SCHEMA, THREE, extremes=False, correlation=False, parts=["categories"])
    assert statistics.category_counts("sex").sum() == statistics.observed[3]
    for need in (
        lambda: TablePreprocessor.fit(statistics, SCHEMA),
        lambda: TablePreprocessor.fit(statistics, SCHEMA, imputation="middle"),
    ):
        with pytest.raises(ValueError, match="'moments'"):
            need()
    with pytest.raises(ValueError, match="'histograms'"):
        statistics.quantile("age", 0.5)
    bounds = TablePreprocessor.fit(statistics, SCHEMA, imputation="middle", scaling="bounds")
    assert bounds.imputers[0].fill == 54
    json.dumps(statistics.to_dict(), allow_nan=False)
    with pytest.raises(ValueError, match="parts must be among"):
        compute_table_statistics(SCHEMA, THREE, parts=["medians"])  # type: ignore[list-item]


def test_the_event_is_one_gaussian_release() -> None:
    for placement, secure in PLACEMENTS:
        assert private(2.5, placement, secure).event() == dp_accounting.GaussianDpEvent(2.5)


def test_another_number_of_hospitals_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(SettingsError, match="3 hospitals, but 2 take part"):
        compute_private_statistics(SCHEMA, THREE[:2], STANDARD, private(1.0))
    with pytest.raises(SettingsError, match="NOT SECURE"):
        compute_private_statistics(SCHEMA, THREE, STANDARD, private(1.0, "shared", True))
    nothing = ReleaseLayout(STANDARD.layout, (), (), ())
    with pytest.raises(SettingsError, match="nothing was asked for"):
        compute_private_statistics(SCHEMA, THREE, nothing, private(1.0))
    with pytest.raises(DataError, match="6 columns"):
        compute_private_statistics(SCHEMA, [np.zeros((2, 5))] * 3, STANDARD, private(1.0))
