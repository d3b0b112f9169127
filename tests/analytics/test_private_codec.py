"""Encodings out of one noisy release: what is released, how far a patient can move it, and that any noise is usable."""

from __future__ import annotations

import dp_accounting
import numpy as np
import pytest
import tensorflow as tf
from analytics_example import SCHEMA, make_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data.errors import DataError, SettingsError
from data.schema import Column, Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.histogram import Histogram
from tff_health.analytics.mixtures.federated import fit_mixtures
from tff_health.analytics.mixtures.from_histogram import fit_histograms
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.analytics.table_codec.fit import fit_codec
from tff_health.analytics.table_codec.numeric_column import NumericColumn
from tff_health.analytics.table_codec.private_cells import CellLayout, bins_for
from tff_health.analytics.table_codec.private_fit import fit_private_codec
from tff_health.analytics.table_codec.private_release import build_cell_release, local_cells
from tff_health.runtime.context import execution_context

pytestmark = pytest.mark.usefixtures("tff_context")
ROWS = make_rows(600, seed=23)
THREE = [ROWS[:100], ROWS[100:350], ROWS[350:]]
CELLS = CellLayout(ColumnLayout(SCHEMA, 16))
PLACEMENTS = [("server", False), ("server", True), ("shared", True), ("each-hospital", False)]
NUMERIC = ("age", "pressure", "chol")


def private(noise: float, placement: str = "each-hospital", secure: bool = False) -> PrivateStatistics:
    return PrivateStatistics(noise, placement, 3, secure)  # type: ignore[arg-type]


def exact_counts(name: str) -> np.ndarray:
    values = ROWS[:, SCHEMA.names.index(name)]
    codes = len(SCHEMA[name].codes)
    counts = [(values == code).sum() for code in range(codes)]
    return np.array([*counts, np.isnan(values).sum()] if np.isnan(values).any() else counts, np.float64)


@pytest.mark.parametrize(("placement", "secure"), PLACEMENTS)
def test_with_vanishing_noise_it_is_the_exact_encoding(placement: str, secure: bool) -> None:
    with execution_context("test" if secure else "native"):
        fitted = fit_private_codec(SCHEMA, THREE, private(1e-9, placement, secure))
    for name, counts in fitted.counts.items():
        np.testing.assert_allclose(counts, exact_counts(name), atol=1e-4)
    assert fitted.rows == 600
    assert [column.missing for column in fitted.codec.columns] == [True] * 5 + [False]
    back = fitted.codec.decode(fitted.codec.encode(ROWS, np.random.default_rng(0)))
    # Every bin that holds a value is within reach, so nothing is clipped.
    np.testing.assert_allclose(back, ROWS, atol=1e-3)


def test_mixtures_of_the_noisy_counts_describe_the_column() -> None:
    """Noise of 1.3 a count on 600 rows: means within a twentieth of the width of the bounds."""
    fitted = fit_private_codec(SCHEMA, THREE, private(0.3))
    exact = fit_codec(SCHEMA, THREE, settings=MixtureSettings(max_iterations=20)).codec
    for ours, other in zip(fitted.codec.columns[:3], exact.columns[:3], strict=True):
        assert isinstance(ours, NumericColumn)
        assert isinstance(other, NumericColumn)
        width = ours.bounds[1] - ours.bounds[0]
        means = [np.dot(column.weights, column.means) for column in (ours, other)]
        assert means[0] == pytest.approx(means[1], abs=0.05 * width)
        second = [np.dot(c.weights, np.square(c.means) + np.square(c.deviations)) for c in (ours, other)]
        deviations = [np.sqrt(s - m**2) for s, m in zip(second, means, strict=True)]
        assert deviations[0] == pytest.approx(deviations[1], abs=0.05 * width)


def test_the_cost_is_one_gaussian_release() -> None:
    assert private(3.7).event() == dp_accounting.GaussianDpEvent(3.7)


@pytest.mark.parametrize(("placement", "secure"), PLACEMENTS)
def test_the_noise_is_the_multiplier_times_the_sensitivity(placement: str, secure: bool) -> None:
    """20 releases of every entry: six standard deviations of the estimate, a flake rate of 2e-9."""
    with execution_context("test" if secure else "native"):
        release = build_cell_release(CELLS, private(2.0, placement, secure), most_rows=250)
        totals = np.stack([np.asarray(release(THREE)) for _ in range(20)])
    exact = sum(local_cells(tf.constant(rows), CELLS).numpy() for rows in THREE)
    noise = totals - exact
    expected = 2.0 * np.sqrt(6) * (np.sqrt(3) if placement == "each-hospital" else 1.0)
    assert noise.std() == pytest.approx(expected, rel=6 / np.sqrt(2 * noise.size))
    assert private(2.0, placement, secure).total_stddev(CELLS.sensitivity) == pytest.approx(expected)
    assert (noise != 0).all()


any_float = st.one_of(st.floats(width=64), st.sampled_from([0.0, 1.0, 3.0, 4.0, 18.0, 90.0, 220.0, -1.0, 0.5, 1e300]))


@given(row=hnp.arrays(np.float64, (1, 6), elements=any_float))
@settings(max_examples=80, deadline=None)
def test_no_patient_moves_it_by_more_than_the_sensitivity(row: np.ndarray) -> None:
    """Any floats whatever, whether or not a checked table can hold them; exactly one cell a column, or none."""
    vector = local_cells(tf.constant(row), CELLS).numpy()
    assert vector.shape == (CELLS.size,)
    for index in range(6):
        start, size = CELLS.offsets[index], CELLS.sizes[index] + 1
        assert np.sort(vector[start : start + size]).tolist()[-2:] in ([0.0, 1.0], [0.0, 0.0])
    assert np.linalg.norm(vector) <= CELLS.sensitivity


def test_a_full_row_reaches_the_sensitivity() -> None:
    row = np.array([[50.0, 120.0, 200.0, 1.0, 2.0, 0.0]])
    assert np.linalg.norm(local_cells(tf.constant(row), CELLS).numpy()) == pytest.approx(CELLS.sensitivity)


def test_cells_are_numpys_histograms() -> None:
    vector = local_cells(tf.constant(ROWS), CELLS).numpy()
    for index, name in enumerate(SCHEMA.names):
        values, start, size = ROWS[:, index], CELLS.offsets[index], CELLS.sizes[index]
        seen = values[~np.isnan(values)]
        edges = CELLS.layout.edges[index] if name in NUMERIC else np.arange(size + 1) - 0.5
        np.testing.assert_array_equal(vector[start : start + size], np.histogram(seen, edges)[0])
        assert vector[start + size] == np.isnan(values).sum()


@given(
    vector=hnp.arrays(np.float64, CELLS.size, elements=st.floats(-1e6, 1e6)),
    rows=st.integers(1, 1000),
    noise=st.floats(1e-9, 1e5),
)
@settings(max_examples=200, deadline=None)
def test_any_noise_leaves_counts_of_the_rows(vector: np.ndarray, rows: int, noise: float) -> None:
    for name, (counts, missing) in CELLS.tables(vector, rows, noise).items():
        assert (counts >= 0).all()
        assert missing >= 0
        assert counts.sum() + missing == pytest.approx(rows, rel=1e-6)
        assert name != "sick" or missing == 0


@pytest.mark.parametrize("noise", [10.0, 1e4])
def test_heavy_noise_leaves_a_usable_encoding(noise: float) -> None:
    fitted = fit_private_codec(SCHEMA, THREE, private(noise))
    encoded = fitted.codec.encode(ROWS, np.random.default_rng(0))
    assert np.isfinite(encoded).all()
    SCHEMA.check(SCHEMA.decode(fitted.codec.decode(encoded)), "the round trip")
    for segment in fitted.codec.layout.conditions:
        assert fitted.counts[segment.column].shape == (segment.size,)
        assert fitted.counts[segment.column].sum() == pytest.approx(600)
    assert fitted.noise == pytest.approx(noise * np.sqrt(6 * 3))


def test_two_releases_differ() -> None:
    first, second = (fit_private_codec(SCHEMA, THREE, private(1.0)).counts["pain"] for _ in range(2))
    assert (first != second).any()


def test_a_hospital_more_or_less_is_refused() -> None:
    with pytest.raises(SettingsError, match="3 hospitals, but 2"):
        fit_private_codec(SCHEMA, THREE[:2], private(1.0))


def test_a_secure_sum_needs_its_simulation() -> None:
    with pytest.raises(SettingsError, match="NOT SECURE"):
        fit_private_codec(SCHEMA, THREE, private(1.0, "shared", True))


def test_no_patient_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="one patient"):
        fit_private_codec(SCHEMA, [ROWS[:0]] * 3, private(1.0))


def test_fewer_bins_the_more_noise() -> None:
    assert [bins_for(242, noise) for noise in (0.0, 0.1, 10.0, 100.0)] == [32, 32, 12, 4]
    assert bins_for(100_000, 10.0) == 32


def test_a_mixture_of_counts_is_that_of_the_values_behind_them() -> None:
    """Unit bins of whole numbers lose nothing: the fit equals the one across hospitals, from the same centres."""
    schema = Schema((SCHEMA["age"], SCHEMA["sick"]), "sick")
    ages = np.random.default_rng(1).integers(18, 91, 500).astype(np.float64)
    rows = np.column_stack([ages, np.zeros(500)])
    limits = MixtureSettings(max_iterations=25)
    statistics = compute_table_statistics(schema, [rows])
    across = fit_mixtures(schema, [rows], statistics, limits)["age"]
    from_counts = fit_histograms(schema, {"age": statistics.histogram("age")}, limits)["age"]
    np.testing.assert_allclose(from_counts.weights, across.weights, atol=1e-9)
    np.testing.assert_allclose(from_counts.means, across.means, atol=1e-7)
    np.testing.assert_allclose(from_counts.deviations, across.deviations, atol=1e-7)


def test_bins_of_a_continuous_column_keep_their_width() -> None:
    """One full bin: the mixture has the spread of values that fill it, not of a single point."""
    column = Column("x", "continuous", bounds=(0, 10))
    schema = Schema((column, SCHEMA["sick"]), "sick")
    histogram = Histogram(np.linspace(0, 10, 11), np.array([0, 0, 0, 200.0, 0, 0, 0, 0, 0, 0]))
    kept = fit_histograms(schema, {"x": histogram}, MixtureSettings(max_modes=1))["x"].kept(0.005)
    assert kept.means[0] == pytest.approx(3.5)
    assert kept.deviations[0] == pytest.approx(1 / np.sqrt(12), rel=0.02)
