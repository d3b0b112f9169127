"""A schema's file: what it says comes back, and what it cannot say is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import Column
from data.schema_file import read_schema_file

GOOD = """
title = "Three clinics"
source = "a registry"
licence = "internal"
target = "outcome"
confirmed = true
[columns.age]
kind = "integer"
bounds = [0, 120]
unit = "years"
quasi_identifier = true
missing_codes = [-9]
[columns."chest pain"]
kind = "categorical"
codes = [[0, "none"], [1, "typical"], ["x", "日本"]]
description = "as told"
[columns.outcome]
kind = "binary"
codes = [["no", "well"], ["yes", "ill"]]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "schema.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_a_file_says_is_the_schema(tmp_path: Path):
    found = read_schema_file(write(tmp_path, GOOD))
    assert (found.title, found.source, found.licence, found.confirmed) == (
        "Three clinics",
        "a registry",
        "internal",
        True,
    )
    assert found.schema.target == "outcome"
    assert found.schema.positive_label == "ill"
    assert found.schema["age"] == Column(
        "age", "integer", (0.0, 120.0), {}, "years", quasi_identifier=True, missing_codes=(-9.0,)
    )
    assert found.schema["chest pain"].codebook == {0: "none", 1: "typical", "x": "日本"}
    assert found.schema["chest pain"].description == "as told"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('kind = "integer"', 'kind = "intger"'), "columns.age.kind must be one of .*did you mean 'integer'"),
        (("bounds = [0, 120]", "bounds = [0]"), "columns.age.bounds must be two numbers"),
        (("bounds = [0, 120]", "bounds = [120, 0]"), "column 'age' is integer and needs finite bounds"),
        (("bounds = [0, 120]", ""), "'age' is integer and needs finite bounds"),
        (("bounds = [0, 120]", f"bounds = [0, 1{'0' * 400}]"), "int too large"),
        (("bounds = [0, 120]", "bounds = [0, inf]"), "'age' is integer and needs finite bounds"),
        (("unit =", "units ="), "unknown key columns.age.units: did you mean 'unit'"),
        (('[1, "typical"]', '[0, "typical"]'), "chest pain.codes names a code twice"),
        (('[1, "typical"]', "[1, 2]"), "codes must be pairs"),
        (('[["no", "well"], ["yes", "ill"]]', '[["no", "well"]]'), "'outcome' is binary and needs a codebook"),
        (('target = "outcome"', 'target = "outcom"'), "target must name one of the columns"),
        (('target = "outcome"', 'target = "chest pain"'), "must be a binary column"),
        (("confirmed = true", 'confirmed = "yes"'), "confirmed must be true or false"),
        (("title", "tilte"), "unknown key tilte: did you mean 'title'"),
        (('title = "Three', "title = Three"), "cannot be read as TOML"),
        (("missing_codes = [-9]", 'missing_codes = ["x"]'), "missing_codes must be numbers"),
        (("quasi_identifier = true", "quasi_identifier = 1"), "quasi_identifier must be true or false"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], words: str):
    assert change[0] in GOOD
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(DataError, match=words) as caught:
        read_schema_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_columns(tmp_path: Path):
    with pytest.raises(DataError, match="data describe"):
        read_schema_file(tmp_path / "schema.toml")
    with pytest.raises(DataError, match="names no columns"):
        read_schema_file(write(tmp_path, 'target = "x"'))
