"""Every page of docs/extending does what it says, from a folder outside the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from extending_page import PAGES, follow

from tff_health.privacy.gaussian import gaussian_epsilon
from tff_health.reporting.collections.document import load_collection_results
from tff_health.reporting.results import Arm, load_results

DONE = {"aggregator.md", "hospitals.md", "model.md", "measures.md", "study.md"}


def only_arm(folder: Path, dataset: str, arm: str) -> Arm:
    return load_results(folder / "results.json").datasets[dataset].arms[arm]


def test_every_page_is_followed_and_linked():
    index = (PAGES / "README.md").read_text("utf-8")
    assert {path.name for path in PAGES.glob("*.md")} == DONE | {"README.md"}
    assert all(f"({name})" in index for name in DONE)


@pytest.mark.slow
def test_own_aggregator(tmp_path: Path):
    follow("aggregator.md", tmp_path)
    classifier = only_arm(tmp_path / "classifier", "breast_cancer", "fedavg")
    assert classifier.settings["aggregator"] == "mine:clipped_mean"
    patients = only_arm(tmp_path / "patients", "breast_cancer", "ctgan")
    images = only_arm(tmp_path / "images", "xray_phantom", "dcgan")
    for arm in (classifier, patients, images):
        assert arm.privacy is None
        assert arm.aggregator_claim is not None
        assert (arm.aggregator_claim.label, arm.aggregator_claim.epsilon) == ("none claimed", None)
    noisy = only_arm(tmp_path / "noisy", "breast_cancer", "fedavg")
    assert noisy.privacy is None
    assert noisy.aggregator_claim is not None
    assert noisy.aggregator_claim.epsilon == pytest.approx(gaussian_epsilon(2**0.5 / 2, 1e-5))
    assert "epsilon 2.95 per hospital, delta 1e-05, claimed by noisy:noisy_mean" in noisy.aggregator_claim.label
    assert noisy.aggregator_claim.sentence in (tmp_path / "noisy" / "report.html").read_text("utf-8")
    for name in ("patients", "images"):
        settings = (tmp_path / name / "settings.toml").read_text("utf-8")
        assert 'aggregator = "mine:clipped_mean"' in settings.split("options]")[-1]
    for name in ("classifier", "patients", "images"):
        page = (tmp_path / name / "report.html").read_text("utf-8")
        assert "None claimed: the aggregator mine:clipped_mean gives no DP event" in page
        # A sentence where nothing was attacked, else a line of the table.
        line = '<td colspan="3">no guarantee<small>none claimed</small></td>'
        assert "No privacy guarantee is claimed" in page or line in page


@pytest.mark.slow
def test_own_models(tmp_path: Path):
    follow("model.md", tmp_path)
    classifier = only_arm(tmp_path / "classifier", "breast_cancer", "fedavg")
    assert classifier.settings["model"] == "mine:wide"
    with np.load(tmp_path / "four.npz") as images:
        assert images["images"].shape[:3] == (4, 28, 28)


@pytest.mark.slow
def test_own_measures(tmp_path: Path):
    follow("measures.md", tmp_path)
    arm = only_arm(tmp_path / "measures", "breast_cancer", "fedavg")
    assert list(arm.membership) == ["loss", "confidence", "lira", "certainty"]
    assert arm.membership["certainty"].auc.value is not None
    found = arm.metric("test/net_benefit_at_20pct")
    assert found.value is not None
    assert found.low is not None
    assert found.low <= found.value <= found.high  # type: ignore[operator]
    assert (tmp_path / "measures" / "figures" / "breast_cancer-benefit.svg").exists()
    assert "has the largest net benefit" in (tmp_path / "measures" / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_own_study(tmp_path: Path):
    planned, _, grid, *_ = follow("study.md", tmp_path)
    assert "2 cells" in planned.stdout
    assert "4 cells, 16 models" in grid.stdout
    arms = load_results(tmp_path / "rates" / "results.json").datasets["breast_cancer"].arms
    assert list(arms) == ["fedavg-client-learning-rate-0.01", "fedavg-client-learning-rate-0.1"]
    assert len(arms["fedavg-client-learning-rate-0.1"].metric("test/auc").seeds) == 2
    both = load_collection_results(tmp_path / "both" / "results.json")
    assert [part.status for part in both.parts.values()] == ["done", "done"]
    assert both.rows == []


@pytest.mark.slow
def test_own_hospitals(tmp_path: Path):
    _, described, checked, _ = follow("hospitals.md", tmp_path)
    assert "put its ranges and codes right" in described.stdout
    assert "3 training hospitals" in checked.stdout
    study = tmp_path / "clinics-quick"
    assert [part.status for part in load_collection_results(study / "results.json").parts.values()] == ["done", "done"]
    classified = load_results(study / "parts" / "classifier" / "results.json").datasets["table"]
    assert classified.title == "Three clinics"
    assert list(classified.hospitals) == ["north", "south", "west"]
    assert (classified.arms["fedavg"].metric("test/auc").value or 0) > 0.6  # age, pressure and pain tell
    assert classified.arms["fedavg-patient-dp-eps1"].privacy is not None
    made = load_results(study / "parts" / "synthetic-patients" / "results.json").datasets["table"]
    assert (made.arms["label-effects"].metric("tstr/mean/auc").value or 0) > 0.6
    table = (study / "parts" / "synthetic-patients" / "synthetic" / "table--label-effects.csv").read_text("utf-8")
    assert table.splitlines()[0] == "age,pressure,pain,outcome"
