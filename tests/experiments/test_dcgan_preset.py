"""The preset `dcgan` as somebody without downloaded data runs it, shortened: networks and pictures included."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_experiment import command

from tff_health.experiments.loading import load_settings
from tff_health.reporting.results import DatasetResult, load_results

pytestmark = pytest.mark.slow

SHORT = (
    "datasets.xray_phantom.options.images=150",
    "datasets.xray_phantom.options.test_images=100",
    "datasets.xray_phantom.arms.dcgan.options.updates=20",
    "datasets.xray_phantom.arms.dcgan-overfitted.options.updates=20",
    "datasets.xray_phantom.arms.dcgan-overfitted.images=10",
    "datasets.xray_phantom.arms.private-dcgan-eps10.options.public_images=40",
    "datasets.xray_phantom.arms.private-dcgan-eps10.options.training.rounds=2",
    "datasets.xray_phantom.arms.private-dcgan-eps10.options.training.generator_updates=4",
)


def _run(folder: Path, jobs: int) -> Path:
    words = [word for change in SHORT for word in ("--set", change)]
    offline = {name: value for name, value in os.environ.items() if name != "TFF_HEALTH_DATA"}
    done = subprocess.run(
        command("run", "dcgan", "--out", str(folder), "--data-dir", str(folder.parent), "--jobs", str(jobs), *words),
        capture_output=True,
        text=True,
        cwd=folder.parent,
        timeout=800,
        env=offline,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "chest_xray was left out" in done.stderr
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _run(tmp_path_factory.mktemp("runs") / "dcgan", 2)


@pytest.fixture(scope="module")
def dataset(finished: Path) -> DatasetResult:
    return load_results(finished / "results.json").datasets["xray_phantom"]


def test_every_arm_is_measured(dataset: DatasetResult) -> None:
    assert set(dataset.arms) == set(load_settings("dcgan").tasks["xray_phantom"].arms)  # type: ignore[attr-defined]
    for name, arm in dataset.arms.items():
        auc = arm.metric("tstr/cnn/auc")
        assert auc.low <= auc.value <= auc.high, name  # one seed: the interval is over test images
        assert arm.metric("fd_clf/ratio").value > 1.5, name  # twenty updates make no X-rays
        assert arm.metric("coverage/coverage").value < 0.9
        assert list(arm.membership) == ["nearest", "calibrated-nearest", "discriminator"]
    assert dataset.images.real_metrics["trtr/cnn/auc"].value > 0.55


def test_pictures_are_of_the_sizes_that_the_document_says(finished: Path, dataset: DatasetResult) -> None:
    with np.load(finished / dataset.arms["dcgan"].images.pictures) as pictures:
        assert pictures["samples"].shape == (2, 8, 28, 28)
        assert pictures["training"].shape[1:] == (2, 4, 28, 28)
        assert pictures["training_updates"][-1] == 20


def test_networks_are_the_same_in_any_number_of_processes(finished: Path, tmp_path: Path) -> None:
    alone = _run(tmp_path / "one", 1)
    for name in ("scores.csv", "training.csv"):
        texts = [_seeded((folder / name).read_text("utf-8")) for folder in (alone, finished)]
        assert texts[0] == texts[1]
        assert len(texts[0]) > 3


def _seeded(text: str) -> list[str]:
    """The lines that are not of the private arm, whose noise follows no seed."""
    return [line for line in text.splitlines() if "private-dcgan" not in line]
