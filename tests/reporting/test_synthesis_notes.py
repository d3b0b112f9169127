"""What an experiment on synthesizers writes about its splits, its intervals and its quasi-identifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.catalogue import load_dataset
from data.federation import Federation
from tff_health.experiments.generators.cells import Cell
from tff_health.experiments.synthesis.comparison import summarised
from tff_health.experiments.synthesis.notes import evaluation_notes
from tff_health.experiments.synthesis.outcome import _metrics, dataset_result
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.reporting.results import Arm, Metric


def settings(**changes: Any) -> SynthesisSettings:
    arms = {"a": {"method": "label-histograms"}, "b": {"method": "ctgan", "data": "each-hospital"}}
    document = {"kind": "synthesis", "experiment": "e", "title": "t", "splits": 3, "datasets": {"mine": {"arms": arms}}}
    return SynthesisSettings.model_validate(document | changes)


@pytest.fixture(scope="module")
def real() -> Federation:
    return load_dataset("breast_cancer", {}, data_dir=None, seed=1)


@pytest.fixture(scope="module")
def drawn() -> Federation:
    return load_dataset("patient_cohort", {"rows": 40}, data_dir=None, seed=1)


def arms(**splits: int) -> dict[str, Arm]:
    def scored(count: int) -> Metric:
        return Metric(value=0.5, seeds=[0.5] * count + [None] * (3 - count))

    return {
        name.replace("__", "/"): Arm(title=name, metrics={"tstr/mean/auc": scored(count)})
        for name, count in splits.items()
    }


def test_splits_are_those_of_each_arm(real: Federation):
    text = " ".join(evaluation_notes(settings(), "mine", real, arms(a=3, b__one=1, b__two=1)))
    assert "3 splits into training and held-out patients" in text
    assert "Fitted in the first splits only: b in 1 of 3." in text
    assert "splits share patients" in text
    assert "measured in the first split only" in text
    everywhere = " ".join(evaluation_notes(settings(), "mine", real, arms(a=3, b__one=3)))
    assert "Fitted in the first splits only" not in everywhere


def test_one_split_has_no_student(real: Federation):
    text = " ".join(evaluation_notes(settings(splits=1), "mine", real, arms(a=1)))
    assert text.startswith("One split into")
    assert "Student" not in text
    assert "share" not in text
    assert "resamples" in text


def test_drawn_patients_are_not_shared(drawn: Federation):
    text = " ".join(evaluation_notes(settings(), "mine", drawn, arms(a=3)))
    assert "share patients" not in text
    assert "every split draws rows of its own" in text


def test_intervals_of_shares_end_at_0_and_1():
    names = (
        "tstr/mean/auc",
        "anonymity/t",
        "anonymity/k_map_unmatched",
        "disclosure/nndr",
        "mine/coverage",
        "mine/gap",
    )
    values = {name: [0.0, 0.5, 1.0] for name in names} | {"mine/coverage": [0.0, 3.0, 9.0]}
    cells = [
        Cell(split, "a", {"metrics": {name: values[name][split] for name in names}, "test_rows": 9})
        for split in range(3)
    ]
    found = _metrics(cells, 3)
    for name in names[:4]:
        assert (found[name].low, found[name].high) == (0.0, 1.0), name
    for name in names[4:]:
        assert found[name].low is not None
        assert found[name].low < 0, name


def test_the_rule_behind_k_is_recorded(drawn: Federation, tmp_path: Path):
    train = drawn.members[0].train
    real = {"metrics": {}, "rows": 40, "test_rows": 9, "table": summarised(train, drawn.schema)}
    with PrivacyLedger(tmp_path / "ledger.sqlite") as ledger:
        found = dataset_result(settings(), "mine", drawn, [Cell(0, "real", real)], ledger).synthesis
    assert found is not None
    assert found.quasi_identifier_rules["age"] == "bands of 10 years"
    assert set(found.quasi_identifier_rules) == set(found.quasi_identifiers)
    assert drawn.schema.target not in found.quasi_identifiers
    assert (found.small_class, found.recursive_c) == (5, 3.0)
