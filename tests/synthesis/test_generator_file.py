"""Generators as files: read back alike, without pickle, and refused in one sentence where damaged."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from bootstrap_generator import SCHEMA, MeansGenerator

from data.errors import DataError, SettingsError
from data.schema import Column, Schema
from data.table_csv import table_text, write_table
from tff_health.synthesis.generator_archive import read_facts
from tff_health.synthesis.generator_file import load_generator, read_schema, save_generator


@pytest.fixture
def saved(tmp_path):
    generator = MeansGenerator(SCHEMA, np.array([54.4, 1.0, 0.5, 2.0, 0.0]))
    path = tmp_path / "deep" / "generator.npz"
    save_generator(generator, path, {"arm": "means"})
    return generator, path


def test_a_loaded_generator_samples_the_same_table(saved):
    generator, path = saved
    again = load_generator(path)
    pd.testing.assert_frame_equal(again.sample(50, seed=3), generator.sample(50, seed=3))
    assert again.schema == SCHEMA
    assert read_schema(path) == SCHEMA
    assert read_facts(path) == {"arm": "means"}


def test_a_file_that_does_not_say_tables_is_read_as_one_of_tables(saved):
    # Files that earlier versions wrote.
    with np.load(saved[1]) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays.pop("generator.json").tobytes())
    assert meta.pop("modality") == "tables"
    np.savez(saved[1], **{"generator.json": np.frombuffer(json.dumps(meta).encode(), np.uint8)}, **arrays)
    assert load_generator(saved[1]).schema == SCHEMA


def test_codes_and_tuples_of_the_schema_keep_their_types(saved):
    schema = load_generator(saved[1]).schema
    assert schema["sex"].codes == (0, 1)
    assert schema["site"].codes == ("a", "b", "c")
    assert schema["oldpeak"].missing_codes == (-9.0,)
    assert schema["age"].bounds == (18, 100)


def test_the_file_holds_no_objects_and_no_pickle(saved):
    with np.load(saved[1], allow_pickle=False) as archive:
        assert set(archive.files) == {"generator.json", "means"}
        assert all(not archive[name].dtype.hasobject for name in archive.files)


@pytest.mark.parametrize("cut", [0, 10, 200, -1])
def test_a_truncated_file_is_refused_in_one_sentence(saved, cut):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="generator"):
        load_generator(path)


def test_damaged_members_are_refused_in_one_sentence(saved):
    path = saved[1]
    with zipfile.ZipFile(path) as archive:
        places = [
            info.header_offset
            + 30
            + len(info.filename)
            + int.from_bytes(path.read_bytes()[info.header_offset + 28 : info.header_offset + 30], "little")
            for info in archive.infolist()
        ]
    whole = path.read_bytes()
    for place in places:
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])  # no such kind of block in a deflated stream
        with pytest.raises(DataError, match="cannot be read as a generator's file"):
            load_generator(path)


def test_a_file_in_place_of_the_folder_is_named(saved, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DataError, match=r"a\.npz cannot be written"):
        save_generator(saved[0], tmp_path / "taken" / "a.npz")
    with pytest.raises(DataError, match=r"a\.csv cannot be written"):
        write_table(TestCsv.table, SCHEMA, tmp_path / "taken" / "a.csv")


def test_other_files_are_refused(tmp_path, saved):
    with pytest.raises(DataError, match="no such file"):
        load_generator(tmp_path / "nothing.npz")
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, weights=np.zeros(3))
    with pytest.raises(DataError, match="no generator"):
        load_generator(foreign)
    meta = json.dumps({"format": "tff_health.generator/99"}).encode()
    np.savez(foreign, **{"generator.json": np.frombuffer(meta, np.uint8)})
    with pytest.raises(DataError, match="version"):
        load_generator(foreign)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, **{"generator.json": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(DataError, match="cannot be read"):
        load_generator(pickled)


def test_a_class_that_is_no_generator_is_refused(saved):
    path = saved[1]
    with np.load(path) as archive:
        meta = json.loads(archive["generator.json"].tobytes())
        arrays = {name: archive[name] for name in archive.files if name != "generator.json"}
    meta["class"] = "os:system"
    np.savez(path, **{"generator.json": np.frombuffer(json.dumps(meta).encode(), np.uint8)}, **arrays)
    with pytest.raises(DataError, match="no generator of tables"):
        load_generator(path)


class TestSampling:
    generator = MeansGenerator(SCHEMA, np.array([54.4, 1.0, 0.5, 2.0, 0.0]))

    def test_conditions_by_code_and_label(self):
        table = self.generator.sample(40, {"sex": "Female", "sick": 1, "site": "b"}, seed=1)
        assert set(table["sex"]) == {0}
        assert set(table["sick"]) == {1}
        assert set(table["site"]) == {"b"}

    def test_same_seed_same_rows_and_another_seed_other_rows(self):
        first, second, third = (self.generator.sample(30, seed=seed) for seed in (5, 5, 6))
        pd.testing.assert_frame_equal(first, second)
        assert not first.equals(third)
        assert not self.generator.sample(30).equals(self.generator.sample(30))

    def test_no_rows_is_an_empty_table_with_all_columns(self):
        assert list(self.generator.sample(0).columns) == list(SCHEMA.names)

    @pytest.mark.parametrize(
        ("conditions", "words"),
        [
            ({"sexx": 1}, "did you mean 'sex'"),
            ({"age": 50}, "coded columns only"),
            ({"sex": "femal"}, "codebook .0 = female, 1 = male."),
        ],
    )
    def test_wrong_conditions_are_named(self, conditions, words):
        with pytest.raises(SettingsError, match=words):
            self.generator.sample(10, conditions)

    def test_negative_rows_are_refused(self):
        with pytest.raises(SettingsError, match="rows must lie"):
            self.generator.sample(-1)


class TestCsv:
    table = MeansGenerator(SCHEMA, np.array([54.4, 1.0, 0.5, 2.0, 0.0])).sample(60, seed=2)

    def test_types_of_the_schema(self):
        lines = table_text(self.table, SCHEMA).splitlines()
        assert lines[0] == "age,sex,oldpeak,site,sick"
        cells = [line.split(",") for line in lines[1:]]
        ages, sexes, sites = ([row[place] for row in cells] for place in (0, 1, 3))
        assert set(ages) == {"54"}
        assert set(sexes) == {"1"}
        assert set(sites) == {"c"}
        assert any(line.split(",")[2] == "" for line in lines[1:]), "missing cells are empty"

    def test_rounding_stays_within_bounds(self, tmp_path):
        low, high = 0.123456789, 16777217.0  # a float32 rounds the one up and the other down
        columns = [
            Column("up", "continuous", bounds=(0.0, low)),
            Column("down", "continuous", bounds=(high, 1e300)),
            Column("sick", "binary", codebook={0: "no", 1: "yes"}),
        ]
        schema = Schema(tuple(columns), "sick")
        frame = schema.decode(np.array([[low, high, 0], [0.1, 3e7, 1], [0.0, 1e200, 1]]))
        assert float(np.float32(low)) > low
        assert float(np.float32(high)) < high
        write_table(frame, schema, tmp_path / "table.csv")
        again = schema.check(pd.read_csv(tmp_path / "table.csv"), "the table")
        np.testing.assert_allclose(again["up"], [low, 0.1, 0.0], rtol=2e-7)
        np.testing.assert_allclose(again["down"], [high, 3e7, 1e200], rtol=2e-7)

    def test_labels(self):
        assert ",male," in table_text(self.table, SCHEMA, labels=True)

    def test_it_reads_back_unchanged(self, tmp_path):
        path = tmp_path / "out" / "table.csv"
        write_table(self.table, SCHEMA, path)
        again = SCHEMA.check(pd.read_csv(path), str(path))
        for column in SCHEMA.columns:
            if column.is_numeric:
                np.testing.assert_allclose(again[column.name], self.table[column.name], rtol=1e-6)
            else:
                assert list(again[column.name]) == list(self.table[column.name])
