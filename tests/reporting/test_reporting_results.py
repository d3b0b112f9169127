from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from data.errors import TffHealthError
from tff_health.reporting.results import Metric, Results, json_schema, load_results, save_results

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "results.schema.json"


def test_results_survive_the_file(example: Path, tmp_path: Path):
    results = load_results(example / "results.json")
    save_results(results, tmp_path / "new" / "results.json")
    assert load_results(tmp_path / "new" / "results.json") == results
    assert (tmp_path / "new" / "results.json").read_bytes() == (example / "results.json").read_bytes()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["results.json"]


def test_schema_file_is_that_of_the_models():
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


def test_schema_file_accepts_the_example_and_refuses_a_misspelling(example: Path):
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    document = json.loads((example / "results.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    document["datasets"]["paper_mock"]["arms"]["fedavg"]["metrcs"] = {}
    with pytest.raises(jsonschema.ValidationError, match="metrcs"):
        jsonschema.validate(document, schema)


def test_undefined_values_are_null_and_numpy_is_plain(tmp_path: Path):
    metric = Metric(value=np.float64("nan"), low=-np.inf, n=np.int64(3), seeds=np.array([0.5, np.nan]))  # type: ignore[arg-type]
    assert metric == Metric(value=None, low=None, n=3, seeds=[0.5, None])
    results = Results(experiment="e", title="t", question="q", datasets={}, seeds={"experiment": np.int64(4)})  # type: ignore[dict-item]
    save_results(results, tmp_path / "results.json")
    assert json.loads((tmp_path / "results.json").read_text())["seeds"] == {"experiment": 4}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("{", "cannot be read as JSON"),
        ("[1]", "is not a results file of this project"),
        ('{"schema": "other/1"}', "is not a results file of this project"),
        ('{"schema": "tff_health.results/2"}', "newer version of tff_health"),
        ('{"schema": "tff_health.results/1", "experiment": "e"}', "title: Field required"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, message: str):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TffHealthError, match=message) as caught:
        load_results(path)
    assert str(path) in str(caught.value)


def test_writing_where_a_file_stands_says_so(example: Path, tmp_path: Path):
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(TffHealthError, match="cannot be written"):
        save_results(load_results(example / "results.json"), tmp_path / "blocked" / "results.json")


def test_headline_is_the_selected_arm_not_the_best_on_test_rows(example: Path):
    dataset = load_results(example / "results.json").datasets["heart_disease"]
    dataset.selection.best_arm = "fedavg"  # type: ignore[union-attr]
    assert dataset.headline_arm == "fedavg"
    assert (
        dataset.arms["fedyogi"].metric("test/accuracy").value > dataset.arms["fedavg"].metric("test/accuracy").value  # type: ignore[operator]
    )
    dataset.selection = None
    assert dataset.headline_arm == "fedavg"
    dataset.arms = {"pooled": dataset.arms["pooled"]}
    assert dataset.headline_arm is None
