"""What a hospital's process makes of the hospital's files, and what it publishes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w

from data.catalogue import load_dataset
from data.errors import DataError
from data.federation import Federation
from data.schema_file import described_by, schema_document
from data.table_csv import write_table
from tff_health.hospitals.held_facts import facts_file
from tff_health.hospitals.held_images import labels_file, pixels_file, read_image_facts
from tff_health.hospitals.held_table import matrix_file, read_table_facts
from tff_health.hospitals.hospital_data import published, store_patients
from tff_health.hospitals.hospital_folder import HeldDataset, HospitalSettings


def settings(**datasets: HeldDataset) -> HospitalSettings:
    return HospitalSettings(name="North", address="north:7443", listen="0.0.0.0:7443", datasets=datasets)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A hospital's folder with a table."""
    loaded = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(loaded, Federation)
    own = loaded.members[1]
    write_table(pd.concat([own.train, own.test]), loaded.schema, tmp_path / "rows" / "north.csv")
    document = {"title": "Clinics", "confirmed": True, **schema_document(loaded.schema)}
    (tmp_path / "rows" / "schema.toml").write_text(tomli_w.dumps(document), "utf-8")
    return tmp_path


def test_a_schema_survives_its_document():
    for name in ("breast_cancer", "paper_mock"):
        schema = load_dataset(name, {}, seed=1).schema
        assert described_by({**schema_document(schema)}, Path("x")).schema == schema


def test_rows_are_stored_as_they_are_coded(clinic):
    facts = store_patients(clinic, clinic / "work", settings(table=HeldDataset()))["table"]
    federation = load_dataset("table", {}, data_dir=clinic / "rows", seed=0)
    assert isinstance(federation, Federation)
    own = federation.hospitals[0]
    for part, frame in (("train", own.train), ("test", own.test)):
        stored = np.fromfile(clinic / "work" / matrix_file("table", part), "<f8")
        np.testing.assert_array_equal(
            stored.reshape(-1, len(federation.schema.columns)), federation.schema.encode(frame)
        )
    text = (clinic / "work" / facts_file("table")).read_bytes()
    assert read_table_facts({"North": text}, "table") == {"North": facts}
    assert facts == published(federation)
    assert f"{len(own.train)} training rows" in facts.summary


def test_images_are_stored_as_they_are(tmp_path):
    held = HeldDataset(source="xray_phantom", options={"hospitals": 1, "images": 40})
    facts = store_patients(tmp_path, tmp_path / "work", settings(films=held))["films"]
    federation = load_dataset("xray_phantom", {"hospitals": 1, "images": 40}, seed=0)
    train = federation.hospitals[0].train
    np.testing.assert_array_equal(
        np.fromfile(tmp_path / "work" / pixels_file("films", "train"), "<f4"), train.pixels.ravel()
    )
    np.testing.assert_array_equal(
        np.fromfile(tmp_path / "work" / labels_file("films", "train"), np.uint8), train.labels
    )
    text = (tmp_path / "work" / facts_file("films")).read_bytes()
    assert read_image_facts({"North": text}, "films") == {"North": facts}
    assert "40 training images of 28 x 28 pixels" in facts.summary


def test_what_is_no_longer_named_is_removed(clinic):
    store_patients(clinic, clinic / "work", settings(table=HeldDataset(), other=HeldDataset()))
    assert (clinic / "work" / facts_file("other")).exists()
    store_patients(clinic, clinic / "work", settings(table=HeldDataset()))
    assert not (clinic / "work" / facts_file("other")).parent.exists()


def test_other_hospitals_patients_are_refused(clinic):
    rows = clinic / "rows"
    (rows / "south.csv").write_bytes((rows / "north.csv").read_bytes())
    with pytest.raises(DataError, match="holds 2 hospitals; put the one CSV file of 'North' there"):
        store_patients(clinic, clinic / "work", settings(table=HeldDataset()))
    assert not (clinic / "work").exists()


def test_different_schemas_are_named(clinic):
    facts = store_patients(clinic, clinic / "work", settings(table=HeldDataset()))["table"]
    column = next(name for name in facts.columns if name != facts.target)
    changed = {**facts.columns, column: {**facts.columns[column], "bounds": [0.0, 1e6]}}
    texts = {
        "North": facts.model_dump_json().encode(),
        "South": facts.model_copy(update={"columns": changed}).model_dump_json().encode(),
    }
    with pytest.raises(DataError, match=f"'North' and 'South' have different schemas \\(column {column!r}\\)"):
        read_table_facts(texts, "table")
    with pytest.raises(DataError, match="what hospital 'South' publishes cannot be read"):
        read_table_facts({**texts, "South": b"{}"}, "table")
