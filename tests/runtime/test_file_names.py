"""Names as file names: inside the folder, short enough, and different for different names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tff_health.runtime.file_names import arm_file, file_name, label_names, safe_name

ODD = [
    "",
    ".",
    "..",
    "../../x",
    "/etc/passwd",
    "a\\b",
    "a\x00b",
    "x" * 300,
    "日本",
    "con",
    "NUL.txt",
    "-rf",
    "a--b",
    "\udcff",
]


@pytest.mark.parametrize("name", ["heart_disease", "fedavg-patient-dp-eps1", "v1.2", "NA", "cohort-20240101"])
def test_plain_names_stay(name: str):
    assert safe_name(name) == name


def test_names_of_words_keep_the_digests_that_earlier_runs_gave_them():
    assert safe_name("hospital 1") == "hospital_1-d1a2867a"


def test_dots_that_are_cut_off_make_another_name():
    # Two names of one short digest, found by searching.
    names = ["." * 17 + "h 1038.", "." * 46 + "h 1038.."]
    assert len({safe_name(name) for name in names}) == 2


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_files_of_their_own(name: str):
    made = safe_name(name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{16}", made)
    assert len(made) <= 60
    assert safe_name(made) != made  # nobody takes the place of another by bearing its file's name


@given(st.lists(st.text("aA1 _-./\u00e9", max_size=12), min_size=2, max_size=2, unique=True))
def test_different_names_differ(names: list[str]):
    assert safe_name(names[0]) != safe_name(names[1])


@given(st.lists(st.lists(st.text("a-_/ ", min_size=1, max_size=4), min_size=3, max_size=3), min_size=2, max_size=2))
def test_names_put_together_differ_where_they_do(parts: list[list[str]]):
    assert (file_name(*parts[0]) == file_name(*parts[1])) == (parts[0] == parts[1])


def test_a_hospital_s_name_may_hold_slashes(tmp_path: Path):
    assert label_names("alone") == ("alone",)
    assert label_names("alone/../../x") == ("alone", "../../x")
    paths = [
        arm_file(tmp_path, "model", "d", f"alone/{name}", ".npz") for name in ("a/b", "a--b", "a-b", "..", "x" * 300)
    ]
    assert len(set(paths)) == len(paths)
    assert all(path.parent == tmp_path / "model" and len(path.name) < 230 for path in paths)
    assert arm_file(tmp_path, "model", "d", "alone/north", ".npz").name == "d--alone--north.npz"
