from pathlib import Path

import numpy as np
import pytest

from data.errors import DataError, SettingsError
from data.federation import Federation
from data.schema import Column, Schema
from data.tables import load_tables

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(0, 120), unit="years"),
        Column("group", "categorical", codebook={"a": "A", "b": "B"}),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)
GOOD = "ill,group,age,extra\n" + "".join(f"{row % 2},{'ab'[row % 2]},{20 + row},z\n" for row in range(12))


def load(folder: Path, **arguments: object) -> Federation:
    return load_tables(folder, SCHEMA, title="T", kind="real", source="s", licence="l", **arguments)


def test_a_file_is_a_hospital_in_the_order_of_names(tmp_path):
    for name in ("south.csv", "north.CSV"):
        (tmp_path / name).write_text(GOOD)
    (tmp_path / "notes.txt").write_text("not a table")
    (tmp_path / "folder.csv").mkdir()
    federation = load(tmp_path)
    assert [hospital.name for hospital in federation.hospitals] == ["north", "south"]
    for hospital in federation.hospitals:
        # 6 rows of each class, a quarter of each rounds to 2.
        assert (len(hospital.train), len(hospital.test)) == (8, 4)
        assert list(hospital.train.columns) == ["age", "group", "ill"]
        assert hospital.train["age"].dtype == np.float64
        assert sorted([*hospital.train["age"], *hospital.test["age"]]) == list(range(20, 32))


def test_a_hospitals_split_depends_on_its_own_name_and_rows_alone(tmp_path):
    (tmp_path / "a.csv").write_text(GOOD)
    alone = load(tmp_path).hospitals[0]
    (tmp_path / "0.csv").write_text(GOOD)
    together = {hospital.name: hospital for hospital in load(tmp_path).hospitals}
    assert alone.test.equals(together["a"].test)
    assert not alone.test.equals(together["0"].test)
    assert not alone.test.equals(load(tmp_path, split_seed=1).hospitals[1].test)


@pytest.mark.parametrize("name", ["<script>alert(1)<∕script>", "..", "a" * 200, "';drop", "日本", "NA", "=1"])
def test_odd_file_names_are_just_names(tmp_path, name):
    (tmp_path / f"{name}.csv").write_text(GOOD)
    assert load(tmp_path).hospitals[0].name == name
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"bad\.csv is empty"),
        (b"age,group,ill\n", r"bad\.csv has no rows"),
        (b"age,grp,ill\n30,a,1\n", r"no column 'group' \(is it the one called 'grp'\?\)"),
        (b"age,group,ill\n30,a,1\nforty,a,0\n", r"column 'age', row 2: 'forty' is not a number"),
        (b"age,group,ill\n30,c,1\n", r"column 'group', row 1: 'c' is not in the codebook \(a = A, b = B\)"),
        (b"age,group,ill\n300,a,1\n", r"300 lies outside the public range 0 to 120 years"),
        (b"age,group,ill\n30,a,\n", r"row 1: the target 'ill' is missing"),
        (b"age,group,ill\n30,a,1\n31,a,1\n", r"hospital 'bad': every training row has 'ill' = yes"),
        (b"age,group,ill\n30,\xe9,1\n", r"line 2: not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", r"not UTF-8 text"),
        (b"age,group,ill\n30,a\n", r"line 2: 2 of 3 columns"),
    ],
)
def test_faults_name_the_file_and_what_to_do(tmp_path, content, message):
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert "bad" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder_no_files_and_no_permission(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no \.csv file"):
        load(tmp_path)
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(DataError, match=r"holds no \.csv file"):
        load(tmp_path)


def test_two_files_of_one_stem_are_two_hospitals_of_one_name(tmp_path):
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "a.CSV").write_text(GOOD)
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("the file system does not tell a.csv from a.CSV")
    with pytest.raises(DataError, match="same name"):
        load(tmp_path)


def test_the_fraction_is_checked(tmp_path):
    (tmp_path / "a.csv").write_text(GOOD)
    with pytest.raises(SettingsError, match="test_fraction"):
        load(tmp_path, test_fraction=1.5)
