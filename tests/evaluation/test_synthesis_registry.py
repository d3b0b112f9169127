"""All metrics of synthetic rows by name, users' own among them, and what the record accepts."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from data.catalogue import load_dataset
from data.errors import DataError, SettingsError, UnknownNameError
from tff_health.evaluation.predictions import MetricError
from tff_health.evaluation.synthesis.registry import (
    BUILT_IN,
    DESCRIPTIONS,
    METRICS,
    register_synthesis_metric,
    synthesis_metric_descriptions,
    synthesis_metrics,
)
from tff_health.evaluation.synthesis.tables import SynthesisTables

FEDERATION = load_dataset("patient_cohort", {}, seed=0)
TRAIN, SYNTHETIC = (hospital.train.head(120) for hospital in FEDERATION.hospitals[:2])
TEST = FEDERATION.hospitals[0].test
TABLES = SynthesisTables(TRAIN, TEST, SYNTHETIC, FEDERATION.schema)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "registered", {})


def test_every_family_is_there_by_its_name_and_the_same_seed_gives_the_same() -> None:
    values = synthesis_metrics(TABLES)
    assert list(dict.fromkeys(name.split("/")[0] for name in values)) == list(BUILT_IN) == list(DESCRIPTIONS)
    for name in (
        "tstr/mean/auc",
        "trtr/random-forest/accuracy",
        "augmented/svc-poly/auc",
        "fidelity/ks",
        "fidelity/ks/age",
        "detection/auc",
        "coverage/test/recall",
        "collapse/categories_covered",
    ):
        assert 0 <= values[name] <= 1, name
    assert all(type(value) is float for value in values.values())
    # Simulated rows of the same distribution.
    assert values["fidelity/ks"] > 0.85
    assert values["detection/auc"] < 0.65
    assert values == synthesis_metrics(SynthesisTables(TRAIN, TEST, SYNTHETIC, FEDERATION.schema))


def test_users_metrics_return_a_number_or_several() -> None:
    @register_synthesis_metric("age-gap")
    def age_gap(tables: SynthesisTables) -> float:
        """Difference of the mean ages, in years.

        More text.
        """
        return abs(tables.train["age"].mean() - tables.synthetic["age"].mean())

    @register_synthesis_metric("rows")
    def rows(tables: SynthesisTables) -> dict[str, float]:
        return {"train": len(tables.train_rows), "test": len(tables.test_rows), "synthetic": len(tables.synthetic_rows)}

    values = synthesis_metrics(TABLES, ["rows", "age-gap"])
    assert values == {
        "rows/train": 120,
        "rows/test": 100,
        "rows/synthetic": 120,
        "age-gap": pytest.approx(abs(TRAIN["age"].mean() - SYNTHETIC["age"].mean())),
    }
    assert synthesis_metric_descriptions()["age-gap"] == "Difference of the mean ages, in years"
    assert synthesis_metric_descriptions()["rows"] == "a user's metric"


def test_failures_and_unknown_names_are_named() -> None:
    @register_synthesis_metric("mine")
    def metric(tables: SynthesisTables) -> float:
        return 1 / 0

    with pytest.raises(MetricError, match="'mine' failed with ZeroDivisionError"):
        synthesis_metrics(TABLES, ["mine"])
    with pytest.raises(UnknownNameError, match="did you mean 'fidelity'"):
        synthesis_metrics(TABLES, ["fidelty"])


def test_the_record_puts_frames_into_the_schemas_order_and_refuses_what_it_does_not_know() -> None:
    mixed = SYNTHETIC[list(reversed(FEDERATION.schema.names))].assign(extra=1)
    tables = SynthesisTables(TRAIN, TEST, mixed, FEDERATION.schema)
    pd.testing.assert_frame_equal(tables.synthetic, TABLES.synthetic)
    with pytest.raises(DataError, match=r"synthetic rows, column 'age', row 1.*outside the public range"):
        SynthesisTables(TRAIN, TEST, SYNTHETIC.assign(age=500), FEDERATION.schema)
    with pytest.raises(DataError, match="held-out rows has no rows"):
        SynthesisTables(TRAIN, TEST.head(0), SYNTHETIC, FEDERATION.schema)
    with pytest.raises(SettingsError, match="seed"):
        SynthesisTables(TRAIN, TEST, SYNTHETIC, FEDERATION.schema, seed=-1)
    drawn = tables.resample(np.random.default_rng(0))
    assert [len(drawn.train), len(drawn.test), len(drawn.synthetic)] == [120, 100, 120]
    assert set(drawn.train["risk"]) < set(tables.train["risk"])


def test_importing_the_metrics_is_light() -> None:
    heavy = "{'tensorflow', 'sklearn', 'sdmetrics', 'tensorflow_federated'}"
    code = f"import sys, tff_health.evaluation.synthesis.intervals; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
