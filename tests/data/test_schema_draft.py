"""A drafted schema reads the files it was drafted from, and says that nobody has vouched for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.catalogue import check_dataset, load_dataset
from data.errors import DataError
from data.schema_draft import draft_schema
from data.schema_file import read_schema_file

ODD = '[x] "quoted" # 日本'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number, name in enumerate(("north", "süd & west")):
        count = 60
        frame = pd.DataFrame(
            {
                "patient_id": rng.permutation(count) + 1000 * number,
                "age": rng.integers(31, 80, count),
                "sex": rng.choice(["f", "m"], count),
                "bp": rng.normal(130, 15, count).round(1),
                "change": rng.normal(-3, 1, count).round(2),
                ODD: rng.choice(["<b>", "a, b", 'c"d'], count),
                "cp": rng.integers(0, 4, count),
                "ward": "A",
                "two\nlines = 1": rng.choice(["a", "b"], count),
                "bell": rng.choice(["a\a", "b"], count),
                "note": [f"text {number} {k}" for k in range(count)],
                "outcome": rng.permutation(np.arange(count) % 2),
            }
        )
        frame.loc[3, "bp"] = np.nan
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "schema.toml").write_text(draft_schema(tmp_path), "utf-8")
    return tmp_path


def confirm(folder: Path) -> None:
    path = folder / "schema.toml"
    path.write_text(path.read_text("utf-8").replace("confirmed = false", "confirmed = true"), "utf-8")


def test_kinds_ranges_and_what_is_left_out(folder: Path):
    found = read_schema_file(folder / "schema.toml")
    schema = found.schema
    assert not found.confirmed
    assert schema.names == ("age", "sex", "bp", "change", ODD, "cp", "outcome")
    assert schema.target == "outcome"
    assert [schema[name].kind for name in ("age", "sex", "bp", "cp", "outcome")] == [
        *("integer", "binary", "continuous", "categorical", "binary")
    ]
    assert [column.name for column in schema.columns if column.quasi_identifier] == ["age", "sex"]
    # Round numbers outside of what was seen.
    assert schema["age"].bounds == (20.0, 90.0)
    assert schema["change"].bounds is not None
    assert schema["change"].bounds[0] < -5
    assert set(schema[ODD].codebook) == {"<b>", "a, b", 'c"d'}
    text = (folder / "schema.toml").read_text("utf-8")
    for name, why in (
        ("patient_id", "identifier"),
        ("ward", "fewer than two"),
        ("note", "different texts"),
        (r"two\nlines = 1", "U+000A"),
        ("bell", "U+0007"),
    ):
        assert any(line.startswith(f"# {name}: left out.") and why in line for line in text.splitlines()), name


def test_nothing_is_loaded_before_somebody_vouches(folder: Path):
    with pytest.raises(DataError, match=r"schema.toml is a draft: .*confirmed = true"):
        load_dataset("table", {}, data_dir=folder)
    confirm(folder)
    federation = load_dataset("table", {}, data_dir=folder, seed=3)
    assert [hospital.name for hospital in federation.hospitals] == ["north", "süd & west"]
    assert sum(len(hospital.train) + len(hospital.test) for hospital in federation.hospitals) == 120
    inside = load_dataset("table", {"folder": folder.name}, data_dir=folder.parent, seed=3)
    assert inside.hospitals[0].train.equals(federation.hospitals[0].train)
    assert "Hospitals: north, süd & west." in check_dataset("table", folder)


def test_faults_name_file_column_and_row(folder: Path):
    confirm(folder)
    path = folder / "north.csv"
    lines = path.read_text("utf-8").splitlines()
    cells = path.read_text("utf-8")
    path.write_text(cells.replace(",f,", ",q,", 1), "utf-8")
    with pytest.raises(DataError, match=r"north.csv, column 'sex', row \d+"):
        load_dataset("table", {}, data_dir=folder)
    path.write_text("\n".join([*lines, "1,2"]), "utf-8")
    with pytest.raises(DataError, match="cut short"):
        load_dataset("table", {}, data_dir=folder)


def test_hospitals_of_different_columns(folder: Path):
    pd.DataFrame({"age": [50, 60], "outcome": [0, 1]}).to_csv(folder / "third.csv", index=False)
    with pytest.raises(DataError, match="give all hospitals the same columns"):
        draft_schema(folder)


def test_empty_folders_and_files(tmp_path: Path):
    with pytest.raises(DataError, match=r"no \.csv file"):
        draft_schema(tmp_path)
    (tmp_path / "a.csv").write_text("age,outcome\n", "utf-8")
    with pytest.raises(DataError, match="has no rows"):
        draft_schema(tmp_path)
