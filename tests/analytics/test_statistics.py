"""The federated statistics against NumPy, pandas and scikit-learn on pooled rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from analytics_example import SCHEMA, make_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data.errors import DataError
from data.schema import Column, Schema
from tff_health.analytics.statistics import build_table_statistics, compute_table_statistics
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.runtime.context import execution_context

pytestmark = pytest.mark.usefixtures("tff_context")
NUMERIC = ("age", "pressure", "chol")


def split_five(rows: np.ndarray) -> list[np.ndarray]:
    """Unequal hospitals, one of them empty."""
    return [rows[:7], rows[7:50], rows[50:50], rows[50:51], rows[51:]]


def assert_same(one: TableStatistics, other: TableStatistics) -> None:
    for name in ("rows", "observed", "mean", "variance", "minimum", "maximum", "correlations"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-12)
    for name, histogram in one.histograms.items():
        np.testing.assert_array_equal(histogram.counts, other.histograms[name].counts)
    for name, counts in one.categories.items():
        np.testing.assert_array_equal(counts, other.categories[name])


def test_statistics_are_those_of_the_pooled_rows() -> None:
    rows = make_rows(400, seed=1)
    statistics = compute_table_statistics(SCHEMA, split_five(rows))
    frame = pd.DataFrame(rows, columns=list(SCHEMA.names))
    assert statistics.rows == 400
    assert statistics.hospitals == 5
    np.testing.assert_array_equal(statistics.missing, frame.isna().sum())
    for name in NUMERIC:
        at = statistics.position(name)
        assert statistics.mean[at] == pytest.approx(frame[name].mean(), rel=1e-12)
        assert statistics.variance[at] == pytest.approx(frame[name].var(ddof=0), rel=1e-12)
        assert statistics.sample_variance[at] == pytest.approx(frame[name].var(), rel=1e-12)
        assert statistics.minimum[at] == frame[name].min()
        assert statistics.maximum[at] == frame[name].max()
    for name in ("sex", "pain", "sick"):
        expected = frame[name].value_counts().reindex(range(len(SCHEMA[name].codes)), fill_value=0)
        np.testing.assert_array_equal(statistics.categories[name], expected)
        assert np.isnan(statistics.mean[statistics.position(name)])


def test_one_hospital_or_five_makes_no_difference() -> None:
    rows = make_rows(300, seed=2)
    assert_same(compute_table_statistics(SCHEMA, [rows]), compute_table_statistics(SCHEMA, split_five(rows)))


def test_histograms_are_numpys() -> None:
    rows = make_rows(500, seed=3)
    rows[:3, 1] = [80.0, 220.0, 150.0]  # both bounds and an inner edge
    histogram = compute_table_statistics(SCHEMA, split_five(rows), bins=14).histograms["pressure"]
    values = rows[:, 1][~np.isnan(rows[:, 1])]
    counts, edges = np.histogram(values, bins=14, range=(80, 220))
    np.testing.assert_allclose(histogram.edges, edges)
    np.testing.assert_array_equal(histogram.counts, counts)


@pytest.mark.parametrize("bins", [1, 10, 73, 500])
def test_integer_bins_are_whole_units_wide_and_cover_the_bounds(bins: int) -> None:
    rows = make_rows(200, seed=4)
    rows[:2, 0] = [18, 90]
    histogram = compute_table_statistics(SCHEMA, [rows], bins=bins).histograms["age"]
    widths = np.diff(histogram.edges)
    assert len(widths) <= bins
    assert (widths == widths[0]).all()
    assert widths[0] == int(widths[0])
    assert histogram.edges[0] == 17.5
    assert histogram.edges[-1] >= 90.5
    assert histogram.counts.sum() == np.sum(~np.isnan(rows[:, 0]))


@pytest.mark.parametrize("q", [0.0, 0.05, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("rows", [1, 2, 7, 400])
def test_quantiles_are_numpys_to_one_bin(q: float, rows: int) -> None:
    table = make_rows(rows, seed=rows, missing=0.0)
    statistics = compute_table_statistics(SCHEMA, [table[: rows // 2], table[rows // 2 :]], bins=80)
    for column, name in enumerate(NUMERIC):
        expected = np.quantile(table[:, column], q)
        width = np.diff(statistics.histograms[name].edges)[0]
        assert abs(statistics.quantile(name, q) - expected) <= width
    assert statistics.quantile("age", q) == pytest.approx(np.quantile(table[:, 0], q))  # unit bins: exact


def test_a_quantile_between_two_far_values_is_between_them() -> None:
    rows = make_rows(2, seed=0, missing=0.0)
    rows[:, 1] = [90, 210]
    statistics = compute_table_statistics(SCHEMA, [rows], bins=140)
    assert statistics.quantile("pressure", 0.5) == pytest.approx(150, abs=1)


def test_correlation_is_pairwise_complete_as_in_pandas() -> None:
    rows = make_rows(300, seed=5, missing=0.2)
    rows[:, 5] = rows[:, 1] > 125  # a target that follows from a feature
    rows[np.isnan(rows[:, 1]), 5] = 0
    statistics = compute_table_statistics(SCHEMA, split_five(rows))
    assert statistics.correlated == ("age", "pressure", "chol", "sex", "sick")
    expected = pd.DataFrame(rows, columns=list(SCHEMA.names))[list(statistics.correlated)].corr()
    np.testing.assert_allclose(statistics.correlation(), expected, atol=1e-12)


def test_a_hospital_without_a_column_leaves_it_to_the_others() -> None:
    rows = make_rows(200, seed=6)
    rows[100:, 2] = np.nan
    statistics = compute_table_statistics(SCHEMA, [rows[:100], rows[100:]])
    seen = rows[:100, 2][~np.isnan(rows[:100, 2])]
    assert statistics.mean[2] == pytest.approx(seen.mean())
    assert (statistics.minimum[2], statistics.maximum[2]) == (seen.min(), seen.max())


def test_a_column_without_any_value_is_undefined_and_null_in_json() -> None:
    rows = make_rows(50, seed=7)
    rows[:, [2, 4]] = np.nan
    statistics = compute_table_statistics(SCHEMA, split_five(rows))
    assert statistics.missing[2] == 50
    for values in (statistics.mean, statistics.variance, statistics.minimum, statistics.maximum):
        assert np.isnan(values[2])
    assert np.isnan(statistics.quantile("chol", 0.5))
    assert np.isnan(statistics.correlation()[2]).all()
    payload = json.loads(json.dumps(statistics.to_dict(), allow_nan=False))
    chol, pain = payload["columns"][2], payload["columns"][4]
    assert (chol["mean"], chol["sd"], chol["minimum"], chol["maximum"]) == (None,) * 4
    assert chol["missing"] == 50
    assert sum(chol["histogram"]["counts"]) == 0
    assert pain["categories"] == {"typical": 0, "atypical": 0, "other": 0, "none": 0}


def test_a_constant_column_has_no_variance_with_or_without_extremes() -> None:
    rows = make_rows(100, seed=8)
    rows[:, 1] = 123.456
    for extremes in (True, False):
        statistics = compute_table_statistics(SCHEMA, split_five(rows), extremes=extremes)
        assert statistics.variance[1] == 0.0
        assert statistics.mean[1] == pytest.approx(123.456)
        assert np.isnan(statistics.correlation()[1]).all()


def test_json_form() -> None:
    rows = make_rows(60, seed=9)
    payload = json.loads(json.dumps(compute_table_statistics(SCHEMA, [rows], bins=8).to_dict(), allow_nan=False))
    assert payload["rows"] == 60
    age, pain = payload["columns"][0], payload["columns"][4]
    assert set(age) == {
        *("name", "kind", "unit", "missing", "mean", "sd", "minimum", "maximum", "histogram", "categories")
    }
    assert (age["name"], age["kind"], age["unit"], age["categories"]) == ("age", "integer", "years", None)
    assert len(age["histogram"]["edges"]) == len(age["histogram"]["counts"]) + 1
    assert pain["histogram"] is None
    assert sum(pain["categories"].values()) + pain["missing"] == 60
    names = payload["correlation"]["names"]
    assert np.shape(payload["correlation"]["matrix"]) == (len(names), len(names))


def test_extremes_and_correlation_can_be_switched_off() -> None:
    rows = make_rows(40, seed=10)
    full = str(build_table_statistics(SCHEMA).type_signature.result)
    lean = str(build_table_statistics(SCHEMA, extremes=False, correlation=False).type_signature.result)
    for name in ("minimum", "maximum", "pairs", "products", "first_with", "second_with"):
        assert f"{name}=" in full
        assert f"{name}=" not in lean
    statistics = compute_table_statistics(SCHEMA, [rows], extremes=False, correlation=False)
    assert np.isnan(statistics.minimum).all()
    assert statistics.to_dict()["correlation"] is None
    with pytest.raises(ValueError, match="correlation=False"):
        statistics.correlation()


def test_all_sums_go_through_the_factory() -> None:
    """A factory that gives every total twice doubles counts and leaves means alone, extremes included."""
    double = tff.aggregators.SumFactory()

    class DoublingFactory(tff.aggregators.UnweightedAggregationFactory):
        def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
            inner = double.create(value_type)

            @tff.tensorflow.computation(value_type)
            def twice(value: object) -> object:
                return tf.nest.map_structure(lambda tensor: 2 * tensor, value)

            @tff.federated_computation(
                inner.initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS)
            )
            def next_fn(state: object, value: object) -> object:
                return inner.next(state, tff.federated_map(twice, value))

            return tff.templates.AggregationProcess(inner.initialize, next_fn)

    rows = make_rows(100, seed=11)
    plain = compute_table_statistics(SCHEMA, split_five(rows))
    doubled = compute_table_statistics(SCHEMA, split_five(rows), sum_factory=DoublingFactory())
    assert doubled.rows == 2 * plain.rows
    np.testing.assert_array_equal(doubled.observed, 2 * plain.observed)
    np.testing.assert_array_equal(doubled.categories["pain"], 2 * plain.categories["pain"])
    np.testing.assert_array_equal(doubled.histograms["chol"].counts, 2 * plain.histograms["chol"].counts)
    np.testing.assert_allclose(doubled.mean, plain.mean)
    np.testing.assert_allclose(doubled.correlation(), plain.correlation(), atol=1e-12)


def test_a_noisy_sum_gives_usable_statistics() -> None:
    """TFF's own Gaussian mechanism plugs in; what comes out is finite and within the public bounds."""
    rows = make_rows(400, seed=12)
    factory = tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
        noise_multiplier=0.01, clients_per_round=2.0, clip=1000.0
    )
    # The mechanism gives a mean over hospitals: ratios are what this test looks at.
    statistics = compute_table_statistics(
        SCHEMA, [rows[:200], rows[200:]], sum_factory=factory, sum_dtype=np.float32, extremes=False
    )
    plain = compute_table_statistics(SCHEMA, [rows])
    assert statistics.rows != plain.rows / 2  # noise was added
    for name in NUMERIC:
        at, (low, high) = plain.position(name), SCHEMA[name].bounds or (0, 0)
        assert statistics.mean[at] == pytest.approx(plain.mean[at], abs=0.1 * (high - low))
        assert low <= statistics.quantile(name, 0.5) <= high
        assert statistics.variance[at] >= 0
    json.dumps(statistics.to_dict(), allow_nan=False)


def test_a_secure_sum_plugs_in_and_agrees_to_its_resolution() -> None:
    rows = make_rows(120, seed=13)
    factory = tff.aggregators.SecureSumFactory(upper_bound_threshold=200.0, lower_bound_threshold=-200.0)
    plain = compute_table_statistics(SCHEMA, [rows])
    with execution_context("test"):
        secure = compute_table_statistics(SCHEMA, [rows[:40], rows[40:]], sum_factory=factory)
    np.testing.assert_allclose(secure.mean, plain.mean, rtol=1e-4)
    np.testing.assert_allclose(secure.observed, plain.observed, atol=1e-4)


ANY = Schema(
    (
        Column("x", "continuous", bounds=(-1000.0, 3000.0)),
        Column("y", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="y",
)


@given(
    values=hnp.arrays(
        np.float64,
        st.integers(1, 40),
        elements=st.one_of(st.floats(-1000, 3000, allow_subnormal=False), st.just(np.nan)),
    ),
    cut=st.integers(0, 40),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_moments_hold_for_any_values(values: np.ndarray, cut: int) -> None:
    rows = np.column_stack([values, np.zeros(len(values))])
    statistics = compute_table_statistics(ANY, [rows[:cut], rows[cut:]], bins=50, correlation=False)
    seen = values[~np.isnan(values)]
    assert statistics.observed[0] == len(seen)
    assert statistics.missing[0] == len(values) - len(seen)
    assert statistics.histograms["x"].counts.sum() == len(seen)
    if len(seen) == 0:
        assert np.isnan([statistics.mean[0], statistics.variance[0], statistics.minimum[0]]).all()
        return
    assert statistics.mean[0] == pytest.approx(seen.mean(), abs=4000 * 1e-14, rel=1e-12)
    assert statistics.variance[0] == pytest.approx(seen.var(), abs=4000**2 * 1e-13)
    assert (statistics.minimum[0], statistics.maximum[0]) == (seen.min(), seen.max())
    width = 4000 / 50
    for q in (0.1, 0.5, 0.9):
        assert abs(statistics.quantile("x", q) - np.quantile(seen, q)) <= width * (1 + 1e-9)


def test_a_large_offset_costs_no_digits() -> None:
    """Values around 1e6 with a spread of 1e-2: raw sums of squares would keep no correct digit of the variance."""
    schema = Schema(
        (
            Column("x", "continuous", bounds=(1e6 - 1, 1e6 + 1)),
            Column("y", "binary", codebook={0: "no", 1: "yes"}),
        ),
        target="y",
    )
    values = 1e6 + 0.01 * np.random.default_rng(0).standard_normal(1000)
    statistics = compute_table_statistics(schema, [np.column_stack([values, np.zeros(1000)])])
    assert statistics.variance[0] == pytest.approx(values.var(), rel=1e-6)


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ([], "at least one patient"),
        ([np.empty((0, 6))], "at least one patient"),
        ([np.zeros((3, 5))], "6 columns"),
        ([np.array([[50, np.inf, 200, 0, 0, 0]])], "'pressure': a value is infinite"),
        ([np.array([[50, 100, 200, 0, 4, 0]])], "'pain': a code is not a position"),
        ([np.array([[50, 100, 200, 0.5, 0, 0]])], "'sex': a code is not a position"),
    ],
)
def test_unfit_input_is_named(matrices: list[np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        compute_table_statistics(SCHEMA, matrices)


def test_a_table_of_codes_alone_has_no_moments() -> None:
    schema = Schema(
        (
            Column("a", "categorical", codebook={"x": "X", "y": "Y", "z": "Z"}),
            Column("b", "binary", codebook={0: "no", 1: "yes"}),
        ),
        target="b",
    )
    statistics = compute_table_statistics(schema, [np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[np.nan, 1.0]])])
    np.testing.assert_array_equal(statistics.categories["a"], [1, 0, 1])
    np.testing.assert_array_equal(statistics.categories["b"], [1, 2])
    assert statistics.histograms == {}
