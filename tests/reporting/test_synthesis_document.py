"""What results.json says of synthetic patients, and how the rest of the report sees a run that has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from synthesis_example import ARMS, OWN, dataset, results, write_synthesis_run

from tff_health.reporting.record import load_run
from tff_health.reporting.results import DatasetResult, json_schema, load_results
from tff_health.reporting.synthesis.arms import arms_for, headline, is_synthetic, level, levels, purpose, real_metric
from tff_health.reporting.synthesis.views import classifier_view, privacy_view
from tff_health.reporting.synthesis_document import ArmSynthesis, ColumnComparison


@pytest.fixture
def heart() -> DatasetResult:
    return DatasetResult.model_validate(dataset())


def test_a_run_with_synthesis_survives_the_file(tmp_path: Path):
    written = write_synthesis_run(tmp_path)
    assert load_results(tmp_path / "results.json") == written
    assert "ArmSynthesis" in json.dumps(json_schema())


def test_shares_must_fit_bins_and_categories():
    with pytest.raises(ValidationError, match="'age': 2 real and 1 synthetic shares for 2"):
        ColumnComparison(name="age", kind="continuous", edges=[0, 1, 2], real=[0.5, 0.5], synthetic=[1.0])
    with pytest.raises(ValidationError, match="for 1 bins or categories"):
        ColumnComparison(name="sex", kind="binary", labels=["f"], real=[0.5, 0.5], synthetic=[1.0, 0.0])


def test_missing_cells_of_the_sample_are_null():
    made = ArmSynthesis.model_validate({"kind": "ctgan", "sample": [{"age": float("nan"), "sex": "male", "chol": 3}]})
    assert made.sample == [{"age": None, "sex": "male", "chol": 3.0}]


def test_arms_are_told_apart_by_name_or_as_recorded(heart: DatasetResult):
    found = {one: list(arms_for(heart, one)) for one in ("ablation", "control", "own-generator")}  # type: ignore[arg-type]
    assert found["ablation"] == ["ctgan-no-packing", "ctgan-no-sampling"]
    assert found["control"] == ["ctgan-overfitted"]
    assert found["own-generator"] == [f"own-generator/{name}" for name in OWN]
    assert len(arms_for(heart, "synthesiser")) == len(ARMS) - 3
    synthesis = heart.arms["ctgan-no-packing"].synthesis
    assert synthesis is not None
    synthesis.purpose = "synthesiser"
    assert purpose("ctgan-no-packing", heart.arms["ctgan-no-packing"]) == "synthesiser"


def test_epsilons_are_those_asked_for_unless_far_off(heart: DatasetResult):
    assert list(levels(heart)) == ["1", "3", "10"]
    assert all(len(arms) == 3 for arms in levels(heart).values())
    arm = heart.arms["ctgan-eps1"]
    assert arm.privacy is not None
    arm.privacy.epsilon = 1.2  # more than was asked for: said as it is
    assert level("ctgan-eps1", arm) == "1.2"
    arm.privacy.epsilon = 0.5
    assert level("ctgan-eps1", arm) == "0.5"


def test_the_gan_speaks_for_synthesis_even_where_another_does_better(heart: DatasetResult):
    heart.arms["marginal-tree"].metrics["tstr/mean/auc"].value = 0.99
    assert headline(heart) == "ctgan"
    assert heart.synthesis is not None
    heart.synthesis.best = "marginal-tree"
    assert headline(heart) == "marginal-tree"
    heart.synthesis.best = None
    for name in ("ctgan", "ctgan-average-both"):
        del heart.arms[name]
    assert headline(heart) == "marginal-tree"


def test_real_rows_are_found_in_the_dataset_or_in_an_arm(heart: DatasetResult):
    assert heart.synthesis is not None
    recorded = heart.synthesis.real_metrics["trtr/mean/auc"]
    assert real_metric(heart, "tstr/mean/auc") == recorded
    heart.arms["real"] = heart.arms["ctgan"].model_copy(
        update={"synthesis": None, "metrics": {"tstr/mean/auc": recorded.model_copy(update={"value": 0.5})}}
    )
    assert is_synthetic(heart, "real")
    assert real_metric(heart, "tstr/mean/auc") == recorded
    heart.synthesis.real_metrics = {}
    assert real_metric(heart, "tstr/mean/auc").value == 0.5


def test_a_run_without_synthesis_is_seen_as_it_is(example: Path):
    run = load_run(example)
    assert classifier_view(run) is run
    assert privacy_view(run) is run


def test_classifiers_and_privacy_see_what_concerns_them(tmp_path: Path):
    write_synthesis_run(tmp_path)
    run = load_run(tmp_path)
    plain = classifier_view(run).results.datasets["heart_disease"]
    assert plain.arms == {}
    assert plain.selection is None
    judged = privacy_view(run).results.datasets["heart_disease"]
    assert "ctgan-overfitted" not in judged.arms
    assert "ctgan-no-packing" not in judged.arms
    assert list(judged.membership_control) == ["nearest", "density-ratio"]
    assert judged.arms["ctgan"].metric("test/auc") == run.results.datasets["heart_disease"].arms["ctgan"].metric(
        "tstr/mean/auc"
    )
    assert run.results == results()  # views change nothing
