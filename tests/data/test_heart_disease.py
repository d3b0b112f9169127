"""On UCI's own files where TFF_HEALTH_DATA names them, and on made-up files everywhere."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from data.catalogue import check_dataset, load_dataset
from data.errors import DataError, SettingsError
from data.federation import Federation
from data.heart_disease import load
from data.heart_disease_files import check, is_present
from data.heart_disease_schema import ALL_FEATURES, FLAMBY, RAW_COLUMNS

CENTRES = ("cleveland", "hungarian", "switzerland", "va")


@pytest.fixture(scope="module")
def uci() -> Path:
    """The folder with UCI's files."""
    named = os.environ.get("TFF_HEALTH_DATA")
    if not named or not is_present(Path(named)):
        pytest.skip("TFF_HEALTH_DATA names no folder with UCI's heart disease files")
    inside = Path(named) / "heart_disease"
    return inside if inside.is_dir() else Path(named)


def raw_table(uci: Path, centre: str) -> pd.DataFrame:
    return pd.read_csv(uci / f"processed.{centre}.data", header=None, names=RAW_COLUMNS, na_values="?")


def own(uci: Path, **settings: object) -> Federation:
    return load({"protocol": "all_features", **settings}, data_dir=uci, seed=0)


def sizes(federation: Federation) -> dict[str, tuple[int, int]]:
    return {hospital.name: (len(hospital.train), len(hospital.test)) for hospital in federation.hospitals}


class TestFlamby:
    def test_counts_are_flambys(self, uci):
        assert sizes(load({}, data_dir=uci, seed=0)) == {
            "cleveland": (199, 104),
            "hungarian": (172, 89),
            "switzerland": (30, 16),
            "va": (85, 45),
        }

    @pytest.mark.parametrize("centre", CENTRES)
    @pytest.mark.parametrize("split_seed", [43, 1])
    def test_rows_and_split_equal_an_independent_reading(self, uci, centre, split_seed):
        raw = raw_table(uci, centre).drop(columns=["slope", "ca", "thal"]).dropna().reset_index(drop=True)
        label = (raw.pop("num") > 0).to_numpy(int)
        stratify = label if min(np.bincount(label, minlength=2)) > 2 else None
        train, test = train_test_split(
            np.arange(len(raw)),
            test_size=1 - 0.66,
            train_size=0.66,
            random_state=split_seed,
            shuffle=True,
            stratify=stratify,
        )
        federation = load({"split_seed": split_seed, "hospitals": [centre]}, data_dir=uci, seed=9)
        for rows, frame in ((train, federation.hospitals[0].train), (test, federation.hospitals[0].test)):
            rows = np.sort(rows)
            np.testing.assert_array_equal(frame.drop(columns="condition").astype(float), raw.iloc[rows])
            np.testing.assert_array_equal(federation.labels(frame), label[rows])

    def test_the_experiments_seed_does_not_move_the_split(self, uci):
        one, two = (load({}, data_dir=uci, seed=seed) for seed in (0, 1))
        assert all(a.test.equals(b.test) for a, b in zip(one.hospitals, two.hospitals, strict=True))
        other = load({"split_seed": 44}, data_dir=uci, seed=0)
        assert not one.hospitals[0].test.equals(other.hospitals[0].test)

    def test_zeros_in_chol_stay_values_and_the_notes_say_so(self, uci):
        federation = load({}, data_dir=uci, seed=0)
        swiss = federation.hospitals[2]
        assert (pd.concat([swiss.train, swiss.test])["chol"] == 0).all()
        assert any(
            "zeros in chol" in note and "switzerland 46 of 46, va 33 of 130" in note for note in federation.notes
        )
        assert "hungarian: 33 of 294 rows have a missing value and are left out." in federation.notes
        for hospital in federation.hospitals:
            assert not hospital.train.isna().any(axis=None)

    def test_switzerland_trains_with_one_class_and_the_notes_say_so(self, uci):
        federation = load({}, data_dir=uci, seed=0).require_trainable()
        assert set(federation.labels(federation.hospitals[2].train)) == {1}
        assert any(note.startswith("switzerland: all 30 training rows have the label") for note in federation.notes)
        with pytest.raises(DataError, match="switzerland"):
            load({"hospitals": ["switzerland"]}, data_dir=uci, seed=0).require_trainable()

    def test_ten_features_with_codebooks(self, uci):
        federation = load({}, data_dir=uci, seed=0)
        assert federation.schema is FLAMBY
        assert FLAMBY.names == (*RAW_COLUMNS[:10], "condition")
        # One-hot without the first code, as FLamby has it, makes 13 columns.
        width = sum(len(c.codes) - 1 if c.kind == "categorical" else 1 for c in FLAMBY.features)
        assert width == 13


class TestAllFeatures:
    def test_zeros_are_missing_and_missing_is_kept(self, uci):
        federation = own(uci)
        for hospital, centre in zip(federation.hospitals, CENTRES, strict=True):
            frame = pd.concat([hospital.train, hospital.test])
            raw = raw_table(uci, centre).drop_duplicates()
            for name in ("chol", "trestbps"):
                expected = raw[name].isna().sum() + (raw[name] == 0).sum()
                assert frame[name].isna().sum() == expected, (centre, name)
                assert not (frame[name] == 0).any()
            for name in ("fbs", "slope", "ca", "thal", "oldpeak"):
                assert frame[name].isna().sum() == raw[name].isna().sum(), (centre, name)
        swiss = federation.hospitals[2]
        assert swiss.train["chol"].isna().all()

    def test_notes_tell_the_zeros_and_the_duplicates(self, uci):
        notes = own(uci).notes
        assert "hungarian: 1 exact duplicate row was taken out." in notes
        assert "va: 1 exact duplicate row was taken out." in notes
        assert any(note.startswith("switzerland: 0 in chol is read as missing (in 123 of 123 rows") for note in notes)
        assert any(note.startswith("va: 0 in chol is read as missing (in 49 of 200 rows") for note in notes)
        assert any(note.startswith("va: 0 in trestbps is read as missing (in 1 of 200 rows") for note in notes)
        assert not any(note.startswith("cleveland") for note in notes)

    def test_counts_and_labels(self, uci):
        federation = own(uci).require_trainable()
        totals = {name: train + test for name, (train, test) in sizes(federation).items()}
        assert totals == {"cleveland": 303, "hungarian": 293, "switzerland": 123, "va": 199}
        for hospital, centre in zip(federation.hospitals, CENTRES, strict=True):
            labels = federation.labels(pd.concat([hospital.train, hospital.test]))
            assert labels.sum() == (raw_table(uci, centre).drop_duplicates()["num"] > 0).sum()
            assert set(federation.labels(hospital.test)) == {0, 1}
            assert len(hospital.test) / len(labels) == pytest.approx(0.25, abs=0.01)

    def test_hungarian_num_only_has_two_grades_and_still_reads(self, uci):
        assert set(raw_table(uci, "hungarian")["num"]) == {0, 1}
        assert own(uci, hospitals=["hungarian"]).require_trainable().schema is ALL_FEATURES

    def test_seed_decides_the_split_unless_a_split_seed_is_given(self, uci):
        def test_rows(seed: int, **settings: object) -> pd.DataFrame:
            given = {"protocol": "all_features", **settings}
            return load(given, data_dir=uci, seed=seed).hospitals[0].test

        assert test_rows(0).equals(test_rows(0))
        assert not test_rows(0).equals(test_rows(1))
        assert test_rows(0, split_seed=1).equals(test_rows(1))
        assert len(test_rows(0, test_fraction=0.5)) == 152

    def test_a_subset_comes_in_the_order_asked(self, uci):
        assert list(sizes(own(uci, hospitals=["va", "cleveland"]))) == ["va", "cleveland"]

    def test_every_row_fits_the_schema_and_encodes(self, uci):
        for hospital in own(uci).hospitals:
            encoded = ALL_FEATURES.encode(hospital.train)
            assert ALL_FEATURES.decode(encoded).equals(hospital.train)


class TestPartition:
    @pytest.mark.parametrize("method", ["iid", "dirichlet", "size_skew"])
    def test_cleveland_over_five_simulated_hospitals(self, uci, method):
        federation = own(uci, hospitals="cleveland", partition=method).require_trainable()
        assert len(federation.members) == 5
        assert sum(train + test for train, test in sizes(federation).values()) == 303
        assert "The patients are real; the hospitals are simulated." in federation.notes
        assert method in federation.protocol

    def test_flambys_rows_over_more_hospitals(self, uci):
        settings = {"partition": "iid", "simulated_hospitals": 8, "test_fraction": 0.5}
        federation = load(settings, data_dir=uci, seed=0).require_trainable()
        assert sum(train + test for train, test in sizes(federation).values()) == 303 + 261 + 46 + 130
        assert len(federation.hospitals) == 8

    def test_too_many_hospitals(self, uci):
        with pytest.raises(SettingsError, match="40 hospitals of at least 20 rows need 800 rows"):
            own(uci, partition="iid", simulated_hospitals=40, hospitals=["cleveland", "va"])


class TestFiles:
    def test_check_names_every_file(self, uci):
        sentences = check(uci)
        assert [sentence.rsplit(": ")[-1] for sentence in sentences] == [
            "303 rows.",
            "294 rows.",
            "123 rows.",
            "200 rows.",
        ]
        assert "4 training hospitals, 486 training rows, 254 held-out rows" in check_dataset("heart_disease", uci)[-1]

    @pytest.mark.parametrize("inside", [True, False])
    def test_the_named_folder_or_one_inside_it(self, uci, tmp_path, monkeypatch, inside):
        folder = tmp_path / "heart_disease" if inside else tmp_path
        folder.mkdir(exist_ok=True)
        for centre in CENTRES:
            (folder / f"processed.{centre}.data").symlink_to(uci / f"processed.{centre}.data")
        assert is_present(tmp_path)
        assert len(load_dataset("heart_disease", {}, data_dir=tmp_path).hospitals) == 4
        monkeypatch.setenv("TFF_HEALTH_DATA", str(tmp_path))
        assert len(load_dataset("heart_disease", {}).hospitals) == 4

    def test_an_altered_file_is_refused_unless_that_is_wanted(self, uci, tmp_path):
        content = (uci / "processed.cleveland.data").read_bytes()
        path = tmp_path / "processed.cleveland.data"
        settings = {"hospitals": "cleveland", "protocol": "all_features"}
        path.write_bytes(content.replace(b"63.0,1.0", b"64.0,1.0", 1))
        with pytest.raises(DataError, match=r"processed\.cleveland\.data has SHA-256 .* set verify=false to use an"):
            load(settings, data_dir=tmp_path, seed=0)
        federation = load({**settings, "verify": False}, data_dir=tmp_path, seed=0)
        assert sizes(federation)["cleveland"] == (227, 76)
        assert any("not compared with UCI's own" in note for note in federation.notes)
        path.write_bytes(content[:9000])
        with pytest.raises(DataError, match="is cut short: 9,000 bytes, the published file has 18,461"):
            load(settings, data_dir=tmp_path, seed=0)
        with pytest.raises(DataError, match="the file looks cut short, so fetch or export it again"):
            load({**settings, "verify": False}, data_dir=tmp_path, seed=0)


ROW = "63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3,3.0,0.0,6.0,{num}"


def write_centre(folder: Path, *changed: str) -> Path:
    """A made-up Cleveland of 40 distinct complete patients, then the given lines."""
    lines = [ROW.replace("233.0", f"{200 + row}").format(num=row % 5 if row % 2 else 0) for row in range(40)]
    path = folder / "processed.cleveland.data"
    path.write_text("\n".join([*lines, *changed]) + "\n")
    return path


def load_made_up(folder: Path, protocol: str) -> Federation:
    settings = {"verify": False, "hospitals": ["cleveland"], "protocol": protocol}
    return load(settings, data_dir=folder, seed=0)


@pytest.mark.parametrize("protocol", ["flamby", "all_features"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("63,1,1,145", "line 41: 4 of 14 columns; the file looks cut short"),
        (ROW.format(num=0).replace("63.0", "old"), "column 'age', row 41: 'old' is not a number"),
        (ROW.format(num=0).replace("63.0", "63.5"), "column 'age', row 41: 63.5 is not a whole number"),
        (ROW.format(num=0).replace("63.0", "630"), "column 'age', row 41: 630 lies outside .* 18 to 100 years"),
        (ROW.format(num=0).replace("2.3", "inf"), "column 'oldpeak', row 41: inf lies outside"),
        (
            ROW.format(num=0).replace("63.0,1.0,1.0", "63.0,1.0,5"),
            r"'cp', row 41: '5' is not in the codebook \(1 = typ",
        ),
        (ROW.format(num=5), r"column 'num', row 41: '5' is not in the codebook"),
        (ROW.format(num="?"), "row 41: the label 'num' is missing"),
        (ROW.format(num="0.5"), "column 'num', row 41: '0.5' is not in the codebook"),
    ],
)
def test_faults_in_an_edited_file_name_file_row_and_column(tmp_path, protocol, line, message):
    write_centre(tmp_path, line)
    with pytest.raises(DataError, match=message) as caught:
        load_made_up(tmp_path, protocol)
    assert "processed.cleveland.data" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_beyond_flambys_ten_are_not_looked_at_there(tmp_path):
    write_centre(tmp_path, ROW.format(num=0).replace(",6.0,", ",4,"))
    assert len(load_made_up(tmp_path, "flamby").hospitals[0].train) == 27
    with pytest.raises(DataError, match="column 'thal', row 41: '4' is not in the codebook"):
        load_made_up(tmp_path, "all_features")


def test_duplicates_count_however_their_numbers_are_written(tmp_path):
    # 200 and 200.0 are one number; another grade of num makes another patient.
    twin, other = ROW.replace("233.0", "200.0").format(num=0), ROW.replace("233.0", "200").format(num=3)
    write_centre(tmp_path, twin, other)
    federation = load_made_up(tmp_path, "all_features")
    assert sum(sizes(federation)["cleveland"]) == 41
    assert "cleveland: 1 exact duplicate row was taken out." in federation.notes
    assert sum(sizes(load_made_up(tmp_path, "flamby"))["cleveland"]) == 42


def test_a_centre_without_usable_rows(tmp_path):
    (tmp_path / "processed.cleveland.data").write_text(ROW.format(num=0).replace("63.0", "?") + "\n")
    with pytest.raises(DataError, match="cleveland: 0 usable rows; leave the hospital out"):
        load_made_up(tmp_path, "flamby")
    (tmp_path / "processed.cleveland.data").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        load_made_up(tmp_path, "flamby")
    (tmp_path / "processed.cleveland.data").write_bytes(b"\x00\xff\n")
    with pytest.raises(DataError, match="not UTF-8"):
        load_made_up(tmp_path, "flamby")


def test_missing_files_say_how_to_get_them(tmp_path):
    remedy = (
        r"heart_disease needs processed\.cleveland\.data, which is not in .*; download it with "
        r"`uv run run_experiments\.py data fetch heart_disease`, or name the folder that holds it with --data-dir"
    )
    with pytest.raises(DataError, match=remedy):
        load({}, data_dir=tmp_path, seed=0)
    with pytest.raises(DataError, match="a folder that does not exist"):
        load({}, data_dir=tmp_path / "nowhere", seed=0)
    with pytest.raises(DataError, match="is a file, not a folder"):
        load({}, data_dir=write_centre(tmp_path), seed=0)
    with pytest.raises(DataError, match=r"needs processed\.hungarian\.data"):
        load({"verify": False}, data_dir=tmp_path, seed=0)
    assert not is_present(tmp_path)


def test_settings_are_checked_before_files_are_looked_for(tmp_path):
    with pytest.raises(SettingsError, match="did you mean 'protocol'"):
        load({"protocl": "flamby"}, data_dir=tmp_path, seed=0)


def test_codebooks_units_and_quasi_identifiers():
    assert [c.name for c in ALL_FEATURES.columns if c.quasi_identifier] == ["age", "sex"]
    assert ALL_FEATURES["thal"].codes == (3, 6, 7)
    assert ALL_FEATURES["cp"].codes == (1, 2, 3, 4)
    assert (ALL_FEATURES["ca"].kind, ALL_FEATURES["ca"].bounds) == ("integer", (0, 3))
    assert ALL_FEATURES["chol"].missing_codes == (0.0,)
    assert FLAMBY["chol"].missing_codes == ()
    assert FLAMBY["chol"].bounds == (0, 700)
    assert ALL_FEATURES["trestbps"].unit == "mmHg"
    assert ALL_FEATURES.positive_label == "heart disease"
