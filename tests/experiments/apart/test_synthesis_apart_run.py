"""Synthetic patients of hospitals that are apart, as users make them, against the same run on rows at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from needs_door import needs_door
from small_experiment import run

from tff_health.synthesis.generator_file import load_generator

pytestmark = needs_door
SLOW_FIXTURES = ("both",)
EXPERIMENT = """
kind = "synthesis"
experiment = "apart"
title = "Three clinics apart"
question = "Is it the same?"
splits = 2
seed = 3
bootstrap = 20
[datasets.breast_cancer]
options = { hospitals = 3, test_fraction = 0.2 }
[datasets.breast_cancer.arms.ctgan]
method = "ctgan"
[datasets.breast_cancer.arms.ctgan.options]
updates = 10
max_modes = 3
averaging = 0
probes = 0
aggregator = "secure-weighted"
[datasets.breast_cancer.arms.ctgan.options.training]
memory = "fresh"
generator_hidden = [16]
critic_hidden = [16]
local_updates = 2
generator_updates = 2
latent_dim = 8
[datasets.breast_cancer.arms.label-histograms]
method = "label-histograms"
[datasets.breast_cancer.arms.histograms-eps1]
method = "label-histograms"
privacy = { epsilon = 1.0 }
[datasets.breast_cancer.arms.dp-ctgan]
method = "dp-ctgan"
privacy = { epsilon = 10.0 }
options = { probes = 0, training = { rounds = 2, generator_updates = 3 } }
[datasets.breast_cancer.arms.pooled]
method = "label-histograms"
data = "pooled"
"""
# What is not compared need not be measured on rows at hand.
LESS = [
    word
    for change in (
        "splits=1",
        "evaluation.membership=false",
        "evaluation.anonymeter=false",
        "evaluation.disclosure=false",
    )
    for word in ("--set", change)
]
ARMS = {"ctgan", "label-histograms", "histograms-eps1", "dp-ctgan"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "apart.toml"
    path.write_text(EXPERIMENT, "utf-8")
    return path


@pytest.fixture(scope="module")
def both(settings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the run apart and of the run on rows at hand."""
    root = tmp_path_factory.mktemp("runs")
    apart = run("run", str(settings), "--out", str(root / "apart"), "--simulate-hospitals", "3")
    assert apart.returncode == 0, apart.stderr
    assert "breast_cancer: pooled left out: the rows they need never leave the hospitals." in apart.stderr
    assert "One split is run" in apart.stderr
    together = run("run", str(settings), "--out", str(root / "together"), *LESS)
    assert together.returncode == 0, together.stderr
    return root / "apart", root / "together"


def dataset(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text("utf-8"))["datasets"]["breast_cancer"]


def first_split(folder: Path, arm: str) -> dict[str, float]:
    scores = pd.read_csv(folder / "scores.csv")
    own = scores[(scores["arm"] == arm) & (scores["split"] == 1)]
    return dict(zip(own["metric"], own["value"], strict=True))


def test_generators_are_the_same(both):
    name = "model/breast_cancer--ctgan.npz"
    apart, together = (load_generator(folder / name).weights for folder in both)
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_exact_marginals_make_the_same_patients(both):
    name = "synthetic/breast_cancer--label-histograms.csv"
    apart, together = (pd.read_csv(folder / name) for folder in both)
    pd.testing.assert_frame_equal(apart, together, atol=1e-6)


def test_the_seven_classifiers_score_the_same_patients_alike(both):
    """The same synthetic rows, so the same classifiers; AUC to the width of the score bins."""
    apart, together = (first_split(folder, "label-histograms") for folder in both)
    names = [name for name in together if name.startswith("tstr/")]
    assert len(names) == 16
    for name in names:
        assert apart[name] == pytest.approx(together[name], abs=1e-9 if name.endswith("accuracy") else 5e-3), name


def test_likeness_is_the_same(both):
    apart, together = (first_split(folder, "label-histograms") for folder in both)
    for name in ("fidelity/ks", "fidelity/tv", "fidelity/correlation", "fidelity/missing"):
        assert apart[name] == pytest.approx(together[name], abs=5e-3), name


def test_sums_are_masked_and_the_same_epsilon_is_spent(both):
    apart, together = map(dataset, both)
    assert set(apart["arms"]) == ARMS
    for arm, plain, masked in (
        ("ctgan", "simulated", "masked"),
        ("label-histograms", "none", "none"),
        ("histograms-eps1", "simulated", "masked"),
        ("dp-ctgan", "simulated", "masked"),
    ):
        assert together["arms"][arm]["secure_aggregation"] == plain
        assert apart["arms"][arm]["secure_aggregation"] == masked
    for arm in ("histograms-eps1", "dp-ctgan"):
        one, other = (own["arms"][arm]["privacy"] for own in (apart, together))
        assert one["epsilon"] == other["epsilon"]
        assert one["secure_aggregation"] == "masked"
    page = (both[0] / "report.html").read_text("utf-8")
    assert "simulated: NOT SECURE" not in page
    assert "Hospitals kept all rows" in page


def test_a_real_comparison_is_trained_across_hospitals(both):
    real = dataset(both[0])["synthesis"]["real_metrics"]
    assert 0.9 < real["trtr/federated/auc"]["value"] <= 1


def test_bytes_are_counted(both):
    traffic = pd.read_csv(both[0] / "traffic.csv")
    assert set(traffic["arm"]) == ARMS
    assert (traffic["bytes_from_hospital"] > 0).all()
    assert dataset(both[0])["arms"]["ctgan"]["cost"]["bytes_down"] > 0


def test_a_finished_run_goes_on_without_computing(both, settings):
    again = run("run", str(settings), "--out", str(both[0]), "--simulate-hospitals", "3", "--resume")
    assert again.returncode == 0, again.stderr
