from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from data.federation import Federation, Hospital
from data.schema import Column, Schema

SCHEMA = Schema(
    (Column("x", "continuous", bounds=(0, 1)), Column("y", "binary", codebook={"n": "well", "p": "ill"})), "y"
)


def rows(labels: str) -> pd.DataFrame:
    return pd.DataFrame({"x": np.linspace(0, 1, len(labels)), "y": pd.Series(list(labels), dtype=object)})


def federation(*hospitals: Hospital) -> Federation:
    return Federation("test", "Test", "simulated", SCHEMA, hospitals, "drawn", "none", "none")


def test_members_train_and_scored_hospitals_are_scored():
    built = federation(Hospital("a", rows("np"), rows("")), Hospital("b", rows(""), rows("p")))
    assert [hospital.name for hospital in built.members] == ["a"]
    assert [hospital.name for hospital in built.scored] == ["b"]
    assert built.require_trainable() is built


def test_labels_are_one_for_the_second_code():
    built = federation()
    assert built.labels(rows("npp")).tolist() == [0, 1, 1]
    assert built.labels(rows("npp")).dtype == np.int64
    assert built.labels(rows("")).shape == (0,)


def test_two_hospitals_of_one_name_are_refused():
    with pytest.raises(DataError, match="same name"):
        federation(Hospital("a", rows("np"), rows("")), Hospital("a", rows("np"), rows("")))


@pytest.mark.parametrize("name", ["", 1, None])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(DataError, match="cannot name a hospital"):
        federation(Hospital(name, rows("np"), rows("")))


@pytest.mark.parametrize("name", [" ", "a\nb", "a\x1b[2Jb", "a\u202eb", "\udce9t\udce9", "a\u200bb"])
def test_names_that_do_not_show_are_refused(name):
    with pytest.raises(
        DataError, match=r"the hospital .* (is blank|holds U\+.*which does not show); rename it"
    ) as refused:
        federation(Hospital(name, rows("np"), rows("")))
    assert str(refused.value).isprintable()


def test_texts_that_do_not_show_are_refused():
    with pytest.raises(DataError, match=r"test: the text 'A\\x1b\[2J' holds U\+001B"):
        replace(federation(), title="A\x1b[2J")
    assert replace(federation(), notes=("two\nlines",)).notes == ("two\nlines",)


@pytest.mark.parametrize("pair", [("Nord", "nord"), ("nord", "nord "), ("\u00e9", "e\u0301"), ("a b", "a\u00a0b")])
def test_names_that_look_the_same_are_refused(pair):
    with pytest.raises(DataError, match="look the same"):
        federation(*(Hospital(name, rows("np"), rows("")) for name in pair))


def test_somebody_must_hold_out_a_patient():
    with pytest.raises(DataError, match="no hospital holds out a patient"):
        federation(Hospital("a", rows("np"), rows(""))).require_scored()


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "../x", "a" * 300, "日本", "x, \"y\" & 'z'", "به\u200cنام", "NA"]
)
def test_odd_names_are_just_names(name):
    assert federation(Hospital(name, rows("np"), rows("n"))).hospitals[0].name == name


def test_nobody_to_train_on():
    with pytest.raises(DataError, match="no hospital has training rows"):
        federation(Hospital("a", rows(""), rows("np"))).require_trainable()


def test_a_hospital_with_one_class_is_named_with_the_remedy():
    built = federation(Hospital("a", rows("np"), rows("")), Hospital("b", rows("pp"), rows("")))
    with pytest.raises(DataError, match=r"hospital 'b': every training row has 'y' = ill; .* merge it"):
        built.require_trainable()


def test_one_class_is_accepted_where_the_protocol_has_it_but_not_everywhere():
    built = federation(Hospital("a", rows("np"), rows("")), Hospital("b", rows("pp"), rows("")))
    replace(built, single_class_accepted=True).require_trainable()
    alone = replace(federation(Hospital("b", rows("pp"), rows(""))), single_class_accepted=True)
    with pytest.raises(DataError, match="'b'"):
        alone.require_trainable()


def test_notes_are_added():
    assert federation().with_notes("one").with_notes("two", "three").notes == ("one", "two", "three")
