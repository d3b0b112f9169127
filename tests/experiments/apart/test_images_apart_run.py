"""Synthetic images of hospitals that are apart, as users make them, against the same run on images at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from needs_door import needs_door
from small_experiment import run

from tff_health.synthesis.images.generator_file import load_image_generator

pytestmark = needs_door
SLOW_FIXTURES = ("both",)
EXPERIMENT = """
kind = "images"
experiment = "apart"
title = "Three clinics apart"
question = "Is it the same?"
seeds = 1
seed = 3
bootstrap = 20
evaluation = { classifiers = ["logistic-regression", "random-forest", "cnn"] }
[datasets.xray_phantom]
options = { images = 90, test_images = 60, validation_images = 30, hospitals = 3 }
[datasets.xray_phantom.arms.dcgan]
method = "dcgan"
[datasets.xray_phantom.arms.dcgan.options]
updates = 4
averaging = 0
probes = 2
aggregator = "secure-weighted"
[datasets.xray_phantom.arms.dcgan.options.training]
memory = "fresh"
latent_dim = 4
generator_channels = 4
discriminator_channels = 4
batch_size = 4
local_updates = 2
generator_updates = 2
[datasets.xray_phantom.arms.private]
method = "private-dcgan"
privacy = { epsilon = 10.0 }
[datasets.xray_phantom.arms.private.options]
probes = 0
public_images = 50
training = { rounds = 2, generator_updates = 2, generator_batch_size = 10 }
[datasets.xray_phantom.arms.few]
method = "dcgan"
data = "pooled"
images = 20
options = { updates = 2 }
"""
# What is not compared need not be measured on images at hand.
LESS = [
    word for change in ("evaluation.membership=false", "evaluation.memorisation=false") for word in ("--set", change)
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the run apart and of the run on images at hand."""
    settings = tmp_path_factory.mktemp("settings") / "apart.toml"
    settings.write_text(EXPERIMENT, "utf-8")
    root = tmp_path_factory.mktemp("runs")
    apart = run("run", str(settings), "--out", str(root / "apart"), "--simulate-hospitals", "3")
    assert apart.returncode == 0, apart.stderr
    assert "xray_phantom: few left out" in apart.stderr
    together = run("run", str(settings), "--out", str(root / "together"), "--jobs", "1", *LESS)
    assert together.returncode == 0, together.stderr
    return root / "apart", root / "together"


def dataset(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text("utf-8"))["datasets"]["xray_phantom"]


def test_generators_are_the_same(both):
    name = "model/xray_phantom--dcgan.npz"
    apart, together = (load_image_generator(folder / name).weights for folder in both)
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_classifiers_score_the_same_images_alike(both):
    """The generators' last digits differ, and with them pixels, so trees and networks may differ a little."""
    apart, together = (dataset(folder)["arms"]["dcgan"]["metrics"] for folder in both)
    for classifier in ("logistic-regression", "random-forest", "cnn"):
        for measure in ("accuracy", "auc"):
            name = f"tstr/{classifier}/{measure}"
            assert apart[name]["value"] == pytest.approx(together[name]["value"], abs=0.06), name
            assert apart[name]["low"] <= apart[name]["value"] <= apart[name]["high"]


def test_sums_are_masked_and_the_same_epsilon_is_spent(both):
    apart, together = (dataset(folder)["arms"] for folder in both)
    assert set(apart) == {"dcgan", "private"}
    for arm in apart:
        assert apart[arm]["secure_aggregation"] == "masked"
        assert together[arm]["secure_aggregation"] == "simulated"
    assert apart["private"]["privacy"]["epsilon"] == together["private"]["privacy"]["epsilon"]
    page = (both[0] / "report.html").read_text("utf-8")
    assert "simulated: NOT SECURE" not in page
    assert "Hospitals kept all images" in page


def test_images_are_counted_where_they_are(both):
    apart, together = map(dataset, both)
    assert apart["hospitals"] == together["hospitals"]
    assert apart["images"]["test_images"] == together["images"]["test_images"] == 60
    traffic = pd.read_csv(both[0] / "traffic.csv")
    assert set(traffic["hospital"]) == set(apart["hospitals"])
