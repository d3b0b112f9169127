"""The second paper's study as somebody without downloaded data tries it, and the presets that are its parts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from quick_study import check_every_row, quick_study
from small_experiment import ROOT, command

from tff_health.experiments.loading import load_settings
from tff_health.reporting.results import load_results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def offline() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "TFF_HEALTH_DATA"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quick_study("paper-2", tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def finished(study: Path) -> Path:
    """The preset `ctgan`, shortened to one split and a short training."""
    return study / "parts" / "tables"


def test_every_row_of_the_paper_is_there(study: Path) -> None:
    check_every_row(study, "P2", 9)


def test_every_arm_is_measured_and_reported(finished: Path) -> None:
    results = load_results(finished / "results.json")
    assert set(results.datasets) == {"breast_cancer"}
    dataset = results.datasets["breast_cancer"]
    assert set(dataset.arms) == set(load_settings("ctgan").tasks["breast_cancer"].arms)  # type: ignore[attr-defined]
    for name, arm in dataset.arms.items():
        auc = arm.metric("tstr/mean/auc")
        assert auc.low <= auc.value <= auc.high, name  # one split: the interval is a bootstrap's within it
        assert arm.membership, name
        if arm.privacy is not None:
            assert arm.privacy.epsilon <= arm.privacy.target_epsilon
            assert arm.secure_aggregation == "simulated"
    best = max(arm.metric("tstr/mean/auc").value for arm in dataset.arms.values())
    assert best > 0.9 > 0.7 > dataset.arms["independent-marginals"].metric("tstr/mean/auc").value
    control = dataset.membership_control
    assert control["overfitted"].auc.low > 0.8
    assert control["unseen"].auc.low < 0.5 < control["unseen"].auc.high
    assert "NOT SECURE" in (finished / "report.html").read_text("utf-8")


def test_a_saved_generator_gives_the_patients_asked_for(
    finished: Path, tmp_path: Path, offline: dict[str, str]
) -> None:
    tables = []
    for name in ("a.csv", "b.csv"):
        saved = finished / "model" / "breast_cancer--ctgan.npz"
        words = (
            "--rows",
            "40",
            "--where",
            "diagnosis=benign",
            "--seed",
            "3",
            "--labels",
            "--out",
            str(tmp_path / name),
        )
        done = subprocess.run(
            command("sample", str(saved), *words), capture_output=True, text=True, cwd=ROOT, env=offline, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "no guarantee" in done.stderr
        tables.append((tmp_path / name).read_bytes())
    assert tables[0] == tables[1]
    assert set(pd.read_csv(tmp_path / "a.csv")["diagnosis"]) == {"benign"}
