"""Mixtures fitted across hospitals against scikit-learn's on the pooled values from the same start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analytics_example import SCHEMA, make_rows
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture

from data.breast_cancer import SCHEMA as BREAST_SCHEMA
from data.catalogue import load_dataset
from data.errors import SettingsError
from data.schema import Schema
from tff_health.analytics.mixtures.federated import fit_mixtures
from tff_health.analytics.mixtures.mixture import GaussianMixture
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.mixtures.start import histogram_centres, start_from_statistics
from tff_health.analytics.noisy_sum import secure_sum_for
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.runtime.context import execution_context

pytestmark = pytest.mark.usefixtures("tff_context")
SETTINGS = MixtureSettings()
TWENTY = MixtureSettings(max_iterations=20)
NUMERIC = ("age", "pressure", "chol")


def two_humps(rows: int, seed: int) -> np.ndarray:
    """The example's rows with two groups of cholesterol, so that modes mean something."""
    table = make_rows(rows, seed)
    rng = np.random.default_rng(seed)
    high = rng.random(rows) < 0.3
    table[high, 2] = np.clip(450 + 20 * rng.standard_normal(high.sum()), 100, 600)
    return table


ROWS = two_humps(420, seed=7)
THREE = [ROWS[:1], ROWS[1:200], ROWS[200:]]


def federated(schema: Schema, matrices: list[np.ndarray], settings: MixtureSettings = SETTINGS, **options: Any) -> Any:
    statistics = compute_table_statistics(schema, matrices, extremes=False, correlation=False, **options)
    return fit_mixtures(schema, matrices, statistics, settings, **options)


class FromCentres(BayesianGaussianMixture):
    """scikit-learn's own fit, started with every value wholly in the component of the nearest centre."""

    def __init__(self, centres: np.ndarray, **options: Any) -> None:
        super().__init__(**options)
        self.centres = centres

    def _initialize_parameters(self, X: np.ndarray, random_state: Any) -> None:
        nearest = np.argmin(np.abs(X - self.centres), axis=1)
        self._initialize(X, np.eye(len(self.centres))[nearest])


def pooled(schema: Schema, rows: np.ndarray, settings: MixtureSettings, covariance: str) -> dict[str, Any]:
    start = start_from_statistics(compute_table_statistics(schema, [rows]), settings)
    found, index = {}, 0
    for position, column in enumerate(schema.columns):
        if column.bounds is None:
            continue
        low, high = column.bounds
        values = rows[~np.isnan(rows[:, position]), position]
        mixture = FromCentres(
            low + start.centres[index] * (high - low),
            n_components=settings.max_modes,
            covariance_type=covariance,
            weight_concentration_prior_type="dirichlet_process",
            weight_concentration_prior=settings.concentration,
            max_iter=settings.max_iterations,
            tol=settings.tolerance,
            reg_covar=settings.regularisation * (high - low) ** 2,
        )
        found[column.name] = mixture.fit(values[:, np.newaxis])
        index += 1
    return found


def assert_equal(ours: GaussianMixture, theirs: Any, width: float, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(ours.weights, theirs.weights_, atol=tolerance)
    np.testing.assert_allclose(ours.means, theirs.means_[:, 0], atol=tolerance * width)
    np.testing.assert_allclose(ours.deviations, np.sqrt(theirs.covariances_).ravel(), atol=tolerance * width)
    assert ours.iterations == theirs.n_iter_
    assert ours.converged == theirs.converged_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_three_hospitals_give_scikit_learns_mixture_of_the_pooled_values(covariance: str) -> None:
    ours, theirs = federated(SCHEMA, THREE), pooled(SCHEMA, ROWS, SETTINGS, covariance)
    assert set(ours) == set(theirs) == set(NUMERIC)
    for name in NUMERIC:
        low, high = SCHEMA[name].bounds or (0, 0)
        # The tolerance is a hundredth of what is asked for: nothing but rounding may differ.
        assert_equal(ours[name], theirs[name], high - low, 1e-6)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_the_lower_bound_and_the_stop_are_scikit_learns() -> None:
    """Scaling by the width w adds n log w to the bound's log determinants and changes no difference."""
    settings = MixtureSettings(max_modes=3, concentration=0.5, tolerance=1e-2, max_iterations=400)
    column = "pressure"
    ours, theirs = federated(SCHEMA, [ROWS], settings)[column], pooled(SCHEMA, ROWS, settings, "full")[column]
    assert ours.converged
    assert 5 < ours.iterations < 400
    assert_equal(ours, theirs, 140)
    values = int((~np.isnan(ROWS[:, 1])).sum())
    scaled = theirs.lower_bound_ + (values + settings.max_modes) * np.log(140)
    assert ours.lower_bound == pytest.approx(scaled, abs=1e-4)


@pytest.mark.parametrize("iterations", [1, 2, 7])
def test_no_column_has_more_iterations_than_asked_for(iterations: int) -> None:
    settings = MixtureSettings(max_iterations=iterations, tolerance=0.0)
    with pytest.warns(ConvergenceWarning):
        theirs = pooled(SCHEMA, ROWS, settings, "full")
    ours = federated(SCHEMA, THREE, settings)
    for name in NUMERIC:
        assert_equal(ours[name], theirs[name], 200)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_real_patients_of_five_hospitals() -> None:
    federation = load_dataset("breast_cancer", {})
    matrices = [federation.schema.encode(hospital.train) for hospital in federation.members]
    ours = federated(BREAST_SCHEMA, matrices)
    theirs = pooled(BREAST_SCHEMA, np.concatenate(matrices), SETTINGS, "full")
    assert len(ours) == 30
    for name, mixture in ours.items():
        low, high = BREAST_SCHEMA[name].bounds or (0, 0)
        assert_equal(mixture, theirs[name], high - low)


def test_hospitals_do_not_matter() -> None:
    one, three, identical = (federated(SCHEMA, matrices, TWENTY) for matrices in ([ROWS], THREE, [ROWS] * 5))
    five_times = federated(SCHEMA, [np.concatenate([ROWS] * 5)], TWENTY)
    for name in NUMERIC:
        for ours, other in ((three, one), (identical, five_times)):
            np.testing.assert_allclose(ours[name].weights, other[name].weights, atol=1e-8)
            np.testing.assert_allclose(ours[name].means, other[name].means, atol=1e-6)
            np.testing.assert_allclose(ours[name].deviations, other[name].deviations, atol=1e-6)


def test_a_secure_sum_gives_the_same_to_its_rounding() -> None:
    secure = secure_sum_for(len(ROWS), 0.0)
    settings = MixtureSettings(max_iterations=5)
    with execution_context("test"):
        hidden = federated(SCHEMA, THREE, settings, sum_factory=secure)
    plain = federated(SCHEMA, THREE, settings)
    for name in NUMERIC:
        np.testing.assert_allclose(hidden[name].weights, plain[name].weights, atol=1e-4)
        np.testing.assert_allclose(hidden[name].means, plain[name].means, atol=0.05)


def test_two_groups_are_found() -> None:
    kept = federated(SCHEMA, THREE)["chol"].kept(0.005)
    assert kept.weights.sum() == pytest.approx(1)
    high = kept.means > 380
    values = ROWS[:, 2][~np.isnan(ROWS[:, 2])]
    assert kept.weights[high].sum() == pytest.approx((values > 380).mean(), abs=0.03)
    assert (np.diff(kept.means) >= 0).all()


@pytest.mark.parametrize("values", [[], [40.0], [40.0] * 30, [18.0, 90.0]], ids=["none", "one", "constant", "ends"])
def test_few_values_are_no_trouble(values: list[float]) -> None:
    rows = make_rows(30, seed=3)
    rows[:, 0] = np.nan
    rows[: len(values), 0] = values
    mixture = federated(SCHEMA, [rows[:1], rows[1:]])["age"]
    assert np.isfinite([mixture.weights, mixture.means, mixture.deviations]).all()
    if values:
        kept = mixture.kept(0.005)
        for value in values:
            assert (np.abs(value - kept.means) <= 4 * kept.deviations).any()


def test_more_rows_than_a_block_are_all_counted() -> None:
    rows = two_humps(9_001, seed=5)
    mixtures = federated(SCHEMA, [rows], MixtureSettings(max_iterations=2))
    for position, name in enumerate(NUMERIC):
        assert mixtures[name].counts.sum() == pytest.approx((~np.isnan(rows[:, position])).sum(), abs=1e-6)


def test_a_component_without_a_value_is_dropped_whatever_its_weight() -> None:
    mixture = GaussianMixture(
        np.array([0.5, 0.01, 0.49]), np.array([3.0, 2.0, 1.0]), np.ones(3), np.array([50.0, 1e-5, 49.0])
    )
    kept = mixture.kept(0.005)
    assert kept.means.tolist() == [1.0, 3.0]
    assert kept.weights.tolist() == pytest.approx([0.49 / 0.99, 0.5 / 0.99])
    assert mixture.kept(0.9).means.tolist() == [3.0]


def test_centres_of_a_histogram_are_those_of_k_means() -> None:
    from sklearn.cluster import KMeans

    statistics = compute_table_statistics(SCHEMA, [ROWS])
    histogram = statistics.histogram("age")
    assert histogram.unit_bins
    ages = ROWS[:, 0][~np.isnan(ROWS[:, 0])][:, np.newaxis]
    ours = histogram_centres(histogram, 4)
    theirs = KMeans(4, init=ours[:, np.newaxis], n_init=1, tol=0).fit(ages)
    np.testing.assert_allclose(ours, np.sort(theirs.cluster_centers_.ravel()), atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"max_modes": 0}, {"concentration": 0.0}, {"tolerance": -1.0}, {"least_weight": 1.0}]
)
def test_impossible_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(options))):
        MixtureSettings(**options)
