import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from data.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(18, 100), unit="years"),
        Column("chol", "continuous", bounds=(50, 700), unit="mg/dL", missing_codes=(0.0, -9.0)),
        Column("cp", "categorical", codebook={1: "typical", 2: "atypical", 4: "none"}, missing_codes=(-9.0,)),
        Column("sex", "binary", codebook={"f": "female", "m": "male"}),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)


def table(**changes: list[object]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {
        "age": [40, 50],
        "chol": [200.5, 210],
        "cp": [1, 4],
        "sex": ["f", "m"],
        "ill": [0, 1],
    }
    return pd.DataFrame({**columns, **changes}, dtype=object)


def test_text_cells_and_numbers_read_alike():
    text = pd.DataFrame(
        {
            "age": ["40", " 50 "],
            "chol": ["200.5", "2.1e2"],
            "cp": ["1.0", " 4"],
            "sex": ["f", "m "],
            "ill": ["0", "1"],
        }
    )
    assert SCHEMA.check(text, "t").equals(SCHEMA.check(table(), "t"))


def test_columns_come_in_the_schemas_order_without_extras():
    frame = table()[["ill", "sex", "cp", "chol", "age"]].assign(extra=1)
    assert list(SCHEMA.check(frame, "t").columns) == list(SCHEMA.names)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", "  ", 0, -9, "0", "-9"])
def test_missing_numbers_become_nan(missing):
    assert np.isnan(SCHEMA.check(table(chol=[missing, 210]), "t")["chol"][0])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", " ", -9, "-9", -9.0])
def test_missing_codes_become_nan(missing):
    assert pd.isna(SCHEMA.check(table(cp=[missing, 4]), "t")["cp"][0])


@pytest.mark.parametrize("code", [True, 1, 1.0, np.float32(1), np.int8(1), "1", "1.0", " 1 "])
def test_a_code_reads_the_same_however_it_is_written(code):
    value = SCHEMA.check(table(ill=[code, 0]), "t")["ill"][0]
    assert value == 1
    assert type(value) is int


@pytest.mark.parametrize("text", ["abc", "nan", "1_0", "0x10", "١٢x", "\x00", "12,5", [1], {}, 1 + 2j])
def test_text_in_a_number_column_is_named_by_row_and_column(text):
    with pytest.raises(DataError, match=r"^file, column 'age', row 2: .* is not a number; correct it"):
        SCHEMA.check(table(age=[40, text]), "file")


@pytest.mark.parametrize("value", [17, 101, 1e308, np.inf, -np.inf, "inf", "1e400", 10**400, -(10**400)])
def test_values_outside_the_public_range_are_refused(value):
    # A whole number beyond the range of floats counts as too large, never as missing.
    with pytest.raises(DataError, match=r"column 'age', row 1: .* outside the public range 18 to 100 years"):
        SCHEMA.check(table(age=[value, 50]), "file")


def test_a_fraction_in_an_integer_column_is_refused():
    with pytest.raises(DataError, match=r"column 'age', row 2: 50\.5 is not a whole number; round it"):
        SCHEMA.check(table(age=[40, 50.5]), "file")


@pytest.mark.parametrize("code", [3, 1.5, "x", True + 2, 1e300, np.inf, "<script>", [1]])
def test_unknown_codes_are_refused_with_the_codebook(code):
    message = r"column 'cp', row 1: .* not in the codebook \(1 = typical, 2 = atypical, 4 = none\)"
    with pytest.raises(DataError, match=message):
        SCHEMA.check(table(cp=[code, 1]), "file")


def test_a_huge_cell_does_not_flood_the_message():
    with pytest.raises(DataError) as caught:
        SCHEMA.check(table(sex=["x" * 1_000_000, "f"]), "file")
    assert len(str(caught.value)) < 400


def test_a_missing_column_is_named_with_the_nearest_one():
    frame = table().rename(columns={"chol": "Chole"})
    with pytest.raises(DataError, match=r"^file has no column 'chol' \(is it the one called 'Chole'\?\): the"):
        SCHEMA.check(frame, "file")


def test_two_columns_of_one_name_are_refused():
    frame = pd.concat([table(), table()[["age"]]], axis=1)
    with pytest.raises(DataError, match="two columns 'age'"):
        SCHEMA.check(frame, "file")


def test_no_rows_and_a_missing_target_are_refused():
    with pytest.raises(DataError, match="file has no rows"):
        SCHEMA.check(table().iloc[:0], "file")
    with pytest.raises(DataError, match="row 2: the target 'ill' is missing"):
        SCHEMA.check(table(ill=[1, None]), "file")


def test_encode_and_decode_are_inverse():
    checked = SCHEMA.check(table(cp=[None, 4], chol=[None, 60]), "t")
    encoded = SCHEMA.encode(checked)
    assert encoded.dtype == np.float64
    np.testing.assert_array_equal(encoded, [[40, np.nan, np.nan, 0, 0], [50, 60, 2, 1, 1]])
    assert SCHEMA.decode(encoded).equals(checked)


@pytest.mark.parametrize("position", [-1, 3, 0.5, np.inf])
def test_decode_refuses_what_is_no_position(position):
    with pytest.raises(ValueError, match="'cp'"):
        SCHEMA.decode(np.array([[40, 200, position, 0, 0]], float))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"kind": "continuous"}, "needs finite bounds"),
        ({"kind": "integer", "bounds": (2, 2)}, "needs finite bounds"),
        ({"kind": "continuous", "bounds": (0, np.inf)}, "needs finite bounds"),
        ({"kind": "continuous", "bounds": (np.nan, 1)}, "needs finite bounds"),
        ({"kind": "categorical", "codebook": {1: "one"}}, "two codes or more"),
        ({"kind": "binary", "codebook": {0: "a", 1: "b", 2: "c"}}, "more than two"),
        ({"kind": "categorical", "codebook": {1: "a", "1": "b"}}, "read the same"),
    ],
)
def test_columns_that_make_no_sense_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        Column("c", **arguments)


def test_schemas_that_make_no_sense_are_refused():
    number = Column("x", "continuous", bounds=(0, 1))
    label = Column("y", "binary", codebook={0: "no", 1: "yes"})
    with pytest.raises(ValueError, match="same name"):
        Schema((number, number, label), "y")
    for target in ("x", "z"):
        with pytest.raises(ValueError, match="must be a binary column"):
            Schema((number, label), target)
    with pytest.raises(KeyError):
        Schema((number, label), "y")["z"]


def test_select_features_and_positive_label():
    assert SCHEMA.select(["chol", "ill"]).names == ("chol", "ill")
    assert [column.name for column in SCHEMA.features] == ["age", "chol", "cp", "sex"]
    assert SCHEMA.positive_label == "yes"
    with pytest.raises(ValueError, match="target"):
        SCHEMA.select(["age"])
