"""Round trips through encodings that were fitted to real and to awkward rows, by hospitals that never pool one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_federated as tff
from analytics_example import SCHEMA, make_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from data.catalogue import load_dataset
from data.errors import DataError
from data.federation import Federation
from data.schema import Column, Schema
from tff_health.analytics.column_layout import ColumnLayout
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.noisy_sum import secure_sum_for
from tff_health.analytics.table_codec.checks import build_encoding_checks, check_encoding
from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.analytics.table_codec.coded_column import CodedColumn
from tff_health.analytics.table_codec.fit import fit_codec
from tff_health.analytics.table_codec.fitted import FittedCodec
from tff_health.analytics.table_codec.numeric_column import NumericColumn
from tff_health.runtime.context import execution_context

pytestmark = pytest.mark.usefixtures("tff_context")
QUICK = MixtureSettings(max_iterations=15)
ROWS = make_rows(300, seed=11)


@pytest.fixture(scope="module")
def fitted() -> FittedCodec:
    with execution_context():
        return fit_codec(SCHEMA, [ROWS[:100], ROWS[100:]], settings=QUICK)


def round_trip(codec: TableCodec, rows: np.ndarray, seed: int = 0) -> np.ndarray:
    return codec.decode(codec.encode(rows, np.random.default_rng(seed)))


def assert_round_trip(codec: TableCodec, schema: Schema, rows: np.ndarray) -> None:
    """Codes and whole numbers come back as they were, other numbers within a float32's rounding of the reach."""
    back = round_trip(codec, rows)
    for column, encoding, before, after in zip(schema.columns, codec.columns, rows.T, back.T, strict=True):
        if column.kind == "continuous":
            assert isinstance(encoding, NumericColumn)
            np.testing.assert_allclose(after, before, rtol=0, atol=max(encoding.reaches) * 2.0**-24)
        else:
            np.testing.assert_array_equal(after, before)


def encode_members(federation: Federation) -> list[np.ndarray]:
    return [federation.schema.encode(hospital.train) for hospital in federation.members]


def test_values_beyond_every_mode_are_counted_by_bin_without_a_table_of_bins() -> None:
    schema = Schema(
        (
            Column("a", "continuous", bounds=(0, 8)),
            Column("b", "integer", bounds=(0, 3)),
            Column("sick", "binary", codebook={0: "no", 1: "yes"}),
        ),
        target="sick",
    )
    rows = np.array([[0.5, 0, 0], [1.5, 3, 1], [7.5, np.nan, 0], [8.0, 2, 1], [np.nan, 2, 1]])
    found = check_encoding(
        schema,
        [rows[:2], rows[2:]],
        {"a": np.array([1.5]), "b": np.array([0.0, 3.0])},
        {"a": np.array([0.1]), "b": np.array([0.5, 0.5])},
        bins=8,
    )
    np.testing.assert_array_equal(found["a"][0], [[0, 1], [7, 8]])
    np.testing.assert_array_equal(found["b"][0], [[1.5, 2.5]])
    assert (found["a"][1], found["b"][1]) == (1, 0)
    # One-hot bins would take rows x columns x 128 numbers.
    computation = build_encoding_checks(ColumnLayout(schema, 8), 2)
    graph = tff.framework.serialize_computation(computation).SerializeToString()
    assert b"UnsortedSegmentSum" in graph
    assert b"OneHot" not in graph


def test_breast_cancer_comes_back() -> None:
    federation = load_dataset("breast_cancer", {})
    matrices = encode_members(federation)
    codec = fit_codec(federation.schema, matrices, settings=QUICK).codec
    for rows in matrices:
        assert_round_trip(codec, federation.schema, rows)
    assert codec.layout.width == sum(sum(c.sizes) if isinstance(c, NumericColumn) else c.size for c in codec.columns)


def test_four_real_hospitals_with_heavy_missing_come_back(real_data: Path) -> None:
    federation = load_dataset("heart_disease", {"protocol": "all_features"}, data_dir=real_data)
    schema, matrices = federation.schema, encode_members(federation)
    assert len(matrices) == 4
    assert (
        any(np.isnan(rows[:, schema.names.index("ca")]).all() for rows in matrices)
        or max(np.isnan(rows).mean() for rows in matrices) > 0.1
    )
    fitted = fit_codec(schema, matrices)
    pooled = np.concatenate(matrices)
    for rows in matrices:
        assert_round_trip(fitted.codec, schema, rows)
    back = schema.check(schema.decode(round_trip(fitted.codec, pooled)), "the round trip")
    assert len(back) == len(pooled)
    for name, counts in fitted.counts.items():
        values = pooled[:, schema.names.index(name)]
        codes = len(schema[name].codes)
        np.testing.assert_array_equal(counts[:codes], [(values == code).sum() for code in range(codes)])
        assert counts.sum() == len(pooled)
    oldpeak = fitted.codec.columns[schema.names.index("oldpeak")]
    assert isinstance(oldpeak, NumericColumn)
    assert oldpeak.decimals == 1


def test_the_layout_says_what_stands_where(fitted: FittedCodec) -> None:
    layout, codec = fitted.codec.layout, fitted.codec
    encoded = codec.encode(ROWS, np.random.default_rng(0))
    assert encoded.dtype == np.float32
    assert encoded.shape == (300, layout.width)
    assert [s.column for s in layout.conditions] == ["sex", "pain", "sick"]
    for segment in layout.segments:
        part = encoded[:, segment.start : segment.stop]
        position = SCHEMA.names.index(segment.column)
        blank = np.isnan(ROWS[:, position])
        if segment.activation == "tanh":
            assert segment.size == 1
            assert (np.abs(part) <= 1).all()
            assert (part[blank] == 0).all()
            continue
        np.testing.assert_array_equal(np.sort(part, axis=1)[:, -2:], np.tile([0, 1], (300, 1)))
        if blank.any():
            assert (part[blank, -1] == 1).all()
            assert (part[~blank, -1] == 0).all()
        if segment.condition:
            assert segment.size == len(SCHEMA[segment.column].codes) + bool(blank.any())
            np.testing.assert_array_equal(part.sum(axis=0), fitted.counts[segment.column])


def test_modes_are_drawn_by_their_probabilities() -> None:
    """A value midway between two equal modes falls into each in half the draws, and alpha follows the mode."""
    column = NumericColumn("x", (0.0, 10.0), False, (4.0, 6.0), (1.0, 1.0), (4.0, 4.0), (0.25, 0.75), False)
    encoded = column.encode(np.full(20_000, 5.0), np.random.default_rng(1))
    # Six standard deviations of a share: a flake rate of 2e-9, were the seed not fixed.
    assert encoded[:, 2].mean() == pytest.approx(0.75, abs=6 * np.sqrt(0.75 * 0.25 / 20_000))
    np.testing.assert_allclose(encoded[:, 0], np.where(encoded[:, 1] == 1, 0.25, -0.25))


def test_a_far_value_takes_a_mode_that_can_hold_it() -> None:
    column = NumericColumn("x", (0.0, 100.0), False, (10.0, 30.0), (1.0, 5.0), (4.0, 20.0), (1 - 1e-9, 1e-9), False)
    values = np.array([13.9, 14.1, 49.9, 51.0, 0.0])
    encoded = column.encode(values, np.random.default_rng(0))
    # The heavy narrow mode as far as it reaches, the light wide one beyond, the nearer end where nothing reaches.
    assert encoded[:, 1:].argmax(axis=1).tolist() == [0, 1, 1, 1, 0]
    np.testing.assert_allclose(column.decode(encoded), [13.9, 14.1, 49.9, 50.0, 6.0], atol=1e-5)


def test_the_same_stream_gives_the_same_rows(fitted: FittedCodec) -> None:
    first, second, other = (fitted.codec.encode(ROWS, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_it_survives_json(fitted: FittedCodec) -> None:
    text = json.dumps(fitted.codec.to_dict(), allow_nan=False)
    again = TableCodec.from_dict(json.loads(text))
    assert again == fitted.codec
    assert again.layout == fitted.codec.layout


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.update(format=7),
        lambda d: d.pop("columns"),
        lambda d: d["columns"][0].update(kind="other"),
        lambda d: d["columns"][0].pop("means"),
        lambda d: d["columns"][0].update(means=[1.0]),
        lambda d: d["columns"][0].update(reaches=[0.0] * 10),
        lambda d: d["columns"][3].update(shares=[0.5, 0.9]),
        lambda d: d["columns"][0].update(means="text"),
    ],
)
def test_a_damaged_document_is_refused_in_a_sentence(fitted: FittedCodec, damage: Any) -> None:
    document = json.loads(json.dumps(fitted.codec.to_dict()))
    damage(document)
    with pytest.raises(DataError):
        TableCodec.from_dict(document)


def test_rows_that_do_not_fit_are_refused(fitted: FittedCodec) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="6 columns"):
        fitted.codec.encode(ROWS[:, :4], rng)
    with pytest.raises(DataError, match="width"):
        fitted.codec.decode(np.zeros((2, 3)))
    with pytest.raises(DataError, match="NaN"):
        fitted.codec.decode(np.full((2, fitted.codec.layout.width), np.nan))
    wrong = ROWS.copy()
    wrong[0, 4] = 9
    with pytest.raises(DataError, match="pain"):
        fitted.codec.encode(wrong, rng)


@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.1, 1.0, 1e30]))
@settings(max_examples=50, deadline=None)
def test_whatever_a_generator_makes_decodes_to_valid_rows(fitted: FittedCodec, seed: int, scale: float) -> None:
    raw = np.random.default_rng(seed).normal(scale=scale, size=(20, fitted.codec.layout.width)).astype(np.float32)
    decoded = fitted.codec.decode(raw)
    checked = SCHEMA.check(SCHEMA.decode(decoded), "synthetic rows")  # bounds, whole numbers, codes, target present
    assert len(checked) == 20


def test_no_row_at_all_encodes_to_none(fitted: FittedCodec) -> None:
    empty = np.empty((0, 6))
    assert fitted.codec.encode(empty, np.random.default_rng(0)).shape == (0, fitted.codec.layout.width)
    assert fitted.codec.decode(np.empty((0, fitted.codec.layout.width))).shape == (0, 6)


def test_hospitals_do_not_matter() -> None:
    one = fit_codec(SCHEMA, [ROWS], settings=QUICK)
    five = fit_codec(SCHEMA, [ROWS[:1], ROWS[1:40], ROWS[40:60], ROWS[60:200], ROWS[200:]], settings=QUICK)
    assert one.codec.layout == five.codec.layout
    assert one.rows == five.rows == 300
    for name in one.counts:
        np.testing.assert_array_equal(one.counts[name], five.counts[name])
    for ours, other in zip(one.codec.columns, five.codec.columns, strict=True):
        if isinstance(ours, NumericColumn):
            assert isinstance(other, NumericColumn)
            np.testing.assert_allclose(ours.means, other.means, rtol=1e-9)
            np.testing.assert_allclose(ours.reaches, other.reaches, rtol=1e-9)
            np.testing.assert_allclose(ours.weights, other.weights, rtol=1e-8)
        else:
            assert ours == other


def test_five_identical_hospitals_are_five_times_the_rows() -> None:
    identical = fit_codec(SCHEMA, [ROWS] * 5, settings=QUICK)
    pooled = fit_codec(SCHEMA, [np.concatenate([ROWS] * 5)], settings=QUICK)
    assert identical.codec.layout == pooled.codec.layout
    for name in pooled.counts:
        np.testing.assert_array_equal(identical.counts[name], pooled.counts[name])
    # The same modes are drawn; sums in another order differ in the last digits.
    np.testing.assert_allclose(round_trip(identical.codec, ROWS), round_trip(pooled.codec, ROWS), rtol=1e-12)


@pytest.mark.slow
def test_a_secure_sum_keeps_counts_exact() -> None:
    schema, once = SCHEMA.select(("age", "pain", "sick")), MixtureSettings(max_iterations=1)
    rows = ROWS[:, [0, 4, 5]]
    with execution_context("test"):
        hidden = fit_codec(schema, [rows[:100], rows[100:]], settings=once, sum_factory=secure_sum_for(200, 0.0))
    assert hidden.counts["pain"].tolist() == fit_codec(schema, [rows], settings=once).counts["pain"].tolist()
    assert_round_trip(hidden.codec, schema, rows)


def test_a_second_fit_is_the_same_to_the_last_bit() -> None:
    five = [ROWS[start::5] for start in range(5)]
    first, second = (fit_codec(SCHEMA, five, settings=QUICK).codec for _ in range(2))
    assert first == second


AWKWARD = Schema(
    (
        Column("ca", "integer", bounds=(0, 3)),
        Column("constant", "continuous", bounds=(-5, 5)),
        Column("nowhere", "continuous", bounds=(10, 20)),
        Column("at one", "integer", bounds=(0, 1000)),
        Column("outlier", "continuous", bounds=(0, 1000)),
        Column("empty code", "categorical", codebook={"a": "A", "b": "B", "c": "C"}),
        Column("no code", "categorical", codebook={"a": "A", "b": "B"}),
        Column("y", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="y",
)


def awkward_rows() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    rows = 81
    table = np.column_stack(
        [
            rng.integers(0, 4, rows),
            np.full(rows, 1.7),
            np.full(rows, np.nan),
            rng.integers(0, 1001, rows),
            np.append(rng.normal(30, 0.5, rows - 1), 987.65),
            rng.integers(0, 2, rows),
            np.full(rows, np.nan),
            rng.integers(0, 2, rows),
        ]
    ).astype(np.float64)
    table[1:40, 3] = np.nan  # the second hospital has none
    return [table[:1], table[1:40], table[40:]]


def test_awkward_columns_come_back() -> None:
    """Few values, one value, none at all, none at one hospital, a far outlier, a hospital with one row."""
    hospitals = awkward_rows()
    fitted = fit_codec(AWKWARD, hospitals)
    for rows in hospitals:
        assert_round_trip(fitted.codec, AWKWARD, rows)
    by_name = {column.name: column for column in fitted.codec.columns}
    assert [name for name, column in by_name.items() if column.missing] == ["nowhere", "at one", "no code"]
    constant = by_name["constant"]
    assert isinstance(constant, NumericColumn)
    assert (constant.modes, constant.decimals) == (1, 1)
    assert fitted.counts["empty code"][2] == 0
    assert fitted.counts["no code"].tolist() == [0, 0, 81]
    assert fitted.counts["y"].shape == (2,)


def test_one_mode_a_column_holds_every_value_too() -> None:
    hospitals = awkward_rows()
    fitted = fit_codec(AWKWARD, hospitals, max_modes=1)
    for rows in hospitals:
        assert_round_trip(fitted.codec, AWKWARD, rows)


def test_a_hole_where_none_was_seen_is_filled_from_the_column() -> None:
    rows = make_rows(200, seed=2, missing=0.0)
    codec = fit_codec(SCHEMA, [rows], settings=QUICK).codec
    assert not any(column.missing for column in codec.columns)
    blank = np.full((4000, 6), np.nan)
    filled = round_trip(codec, blank)
    SCHEMA.check(SCHEMA.decode(filled), "filled rows")
    shares = np.bincount(rows[:, 4].astype(int), minlength=4) / 200
    np.testing.assert_allclose(np.bincount(filled[:, 4].astype(int), minlength=4) / 4000, shares, atol=0.05)
    np.testing.assert_allclose(filled[:, :3].mean(axis=0), rows[:, :3].mean(axis=0), rtol=0.05)


def test_a_coded_column_needs_shares() -> None:
    with pytest.raises(DataError, match="'x'"):
        CodedColumn("x", (0.2, 0.2), False)
