"""Experiments on images as users run them: a TOML file, a report, pictures, interruptions, any number of processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from small_experiment import ROOT, command
from test_command_line import complains
from tiny_images import load

from tff_health.experiments.images.pictures import grey
from tff_health.reporting.results import Results, load_results
from tff_health.synthesis.generator_archive import read_facts

SMALL = """
kind = "images"
experiment = "small-images"
title = "A small experiment on images"
seeds = 2
bootstrap = 20
evaluation = { classifiers = ["logistic-regression"], fd_clf = false, coverage = false, images = 0.5 }

[datasets.tiny]
source = "tiny_images:load"

[datasets.tiny.arms.dcgan]
method = "dcgan"
[datasets.tiny.arms.dcgan.options]
updates = 6
probes = 3
[datasets.tiny.arms.dcgan.options.training]
batch_size = 8
generator_batch_size = 8
local_updates = 2
generator_updates = 2
latent_dim = 4
generator_channels = 4
discriminator_channels = 4

[datasets.tiny.arms.copier-eps1]
method = "tiny_images:Copier"
privacy = { epsilon = 1.0 }

[datasets.tiny.arms.own-generator]
method = "tiny_images:Copier"
data = "each-hospital"
seeds = 1

[datasets.tiny.arms.copies-without-classes]
method = "tiny_images:Copier"
options = { classes = false }
data = "pooled"
images = 20
role = "control"
seeds = 1
"""
SLOW_FIXTURES = ("finished",)
EXTENSIONS = str(ROOT / "tests" / "experiments")
OWN = tuple(f"own-generator/hospital {number}" for number in (1, 2, 3))


def run(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with a user's module on its path."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=ROOT, timeout=timeout, env=_environment(), check=False
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": EXTENSIONS}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "small-images.toml"
    path.write_text(SMALL, "utf-8")
    return path


@pytest.fixture(scope="module")
def finished(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    done = run("run", str(small), "--out", str(folder), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert "tiny, mean accuracy/AUC of classifiers on test images: real images" in done.stdout
    assert "left" in done.stderr  # progress tells the time left
    return folder


@pytest.fixture(scope="module")
def results(finished: Path) -> Results:
    return load_results(finished / "results.json")


def test_results_hold_every_arm_and_seed(results: Results):
    dataset = results.datasets["tiny"]
    images = dataset.images
    assert (images.size, images.classes, images.seeds) == (16, ["dark", "bright"], 2)
    assert (images.images, images.test_images) == (96, 40)
    assert set(dataset.arms) == {"dcgan", "copier-eps1", "copies-without-classes", *OWN}
    assert {count.train for count in dataset.hospitals.values()} == {24, 32, 40}
    assert images.real_metrics["trtr/mean/auc"].value > 0.8
    assert None not in images.real_metrics["low-data/mean/auc"].seeds
    for label, arm in dataset.arms.items():
        one = label in OWN or label == "copies-without-classes"
        assert arm.images.images == 48
        assert [value is None for value in arm.metrics["memorisation/dcr_share"].seeds] == [False, one]
        assert (label == "copies-without-classes") == ("tstr/mean/auc" not in arm.metrics)
        assert ("augmented/mean/auc" in arm.metrics) == (label == "dcgan")  # beside real images no guarantee is left
        # Copiers have no discriminator.
        trained = ["discriminator"] if label == "dcgan" else []
        assert list(arm.membership) == ["nearest", "calibrated-nearest", *trained]
    assert dataset.arms["copies-without-classes"].membership["nearest"].auc.low > 0.5
    assert dataset.arms["copies-without-classes"].images.purpose == "control"
    assert dataset.arms[OWN[0]].images.purpose == "own-generator"
    dcgan = dataset.arms["dcgan"].images
    assert (dcgan.kind, dcgan.updates) == ("dcgan", 6)
    assert [point.updates for point in dcgan.history] == [2, 4, 6]
    assert {"discriminator_loss", "generator_loss", "score_gap"} < set(dcgan.history[0].values)
    assert "picture" not in dcgan.history[0].values
    assert results.seeds == {"experiment": 1, "generators": 2}


def test_generators_of_one_arm_and_their_classifiers_differ_by_seed(results: Results):
    metrics = results.datasets["tiny"].arms["dcgan"].metrics
    for name in ("memorisation/dcr_median", "diversity/dark/ssim_synthetic"):
        first, second = metrics[name].seeds
        assert first != second


def test_a_private_arm_states_all_of_its_guarantee(finished: Path, results: Results):
    dataset = results.datasets["tiny"]
    privacy = dataset.arms["copier-eps1"].privacy
    assert 0.9 < privacy.epsilon <= 1.0
    assert (privacy.unit, privacy.secure_aggregation) == ("image", "simulated")
    for words in ("NOT SECURE", "noise on one sum", "several images of one patient"):
        assert words in privacy.sentence
    assert dataset.ledger[0].epsilon > privacy.epsilon, "two seeds on the same images compose"
    assert "in 2 seeds on the same images" in dataset.ledger[0].sentence
    entries = [json.loads(line) for line in (finished / "ledger" / "tiny.jsonl").read_text().splitlines()]
    arms = [entry["arm"] for entry in entries if entry.get("record") == "reserve"]
    assert sorted(arms) == sorted(["dcgan", "copier-eps1"] * 2 + [*OWN, "copies-without-classes"])


def test_pictures_are_those_that_the_document_names(finished: Path, results: Results):
    dataset = results.datasets["tiny"]
    with np.load(finished / dataset.images.pictures) as real:
        assert set(real.files) == {"samples"}
        assert real["samples"].shape == (2, 8, 16, 16)
        federation = load({}, data_dir=None, seed=1)
        everything = np.concatenate([grey(hospital.train.pixels) for hospital in federation.hospitals])
        assert (everything == real["samples"][0, 0]).all(axis=(1, 2)).any()
    with np.load(finished / dataset.arms["dcgan"].images.pictures) as made:
        assert made["samples"].shape == (2, 8, 16, 16)
        assert made["training"].shape == (3, 2, 4, 16, 16)
        assert made["training_updates"].tolist() == [2, 4, 6]
        assert made["nearest_samples"].shape == made["nearest_real"].shape == (8, 16, 16)
        assert (np.diff(made["nearest_psnr"]) <= 0).all()
        assert {made[name].dtype for name in ("samples", "training", "nearest_samples")} == {np.dtype(np.uint8)}
    with np.load(finished / dataset.arms["copies-without-classes"].images.pictures) as made:
        assert made["samples"].shape == (1, 8, 16, 16)


def test_generators_are_kept_with_their_guarantees(finished: Path, tmp_path: Path):
    kept = finished / "model" / "tiny--dcgan.npz"
    assert read_facts(kept)["privacy"]["epsilon"] is None
    assert read_facts(finished / "model" / "tiny--copier-eps1.npz")["privacy"]["epsilon"] == pytest.approx(
        1.0, rel=1e-2
    )
    wanted = ("--where", "class=bright", "--rows", "5", "--out", str(tmp_path / "bright.npz"))
    done = subprocess.run(command("sample", str(kept), *wanted), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "bright.npz") as drawn:
        assert drawn["images"].shape == (5, 16, 16)
        assert set(drawn["labels"]) == {1}


def test_synthetic_images_and_tables_are_kept(finished: Path, results: Results):
    with np.load(finished / "synthetic" / "tiny--dcgan.npz") as made:
        assert made["images"].shape == (48, 16, 16)
        assert set(made["labels"]) == {0, 1}
        assert made["classes"].tolist() == ["dark", "bright"]
    scores = pd.read_csv(finished / "scores.csv")
    order = list(dict.fromkeys(zip(scores["seed"], scores["arm"], strict=True)))
    first = ["real", "dcgan", "copier-eps1", *OWN, "copies-without-classes"]
    assert order == [*((1, arm) for arm in first), *((2, arm) for arm in first[:3])]
    of_dcgan = scores[(scores["arm"] == "dcgan") & (scores["metric"] == "tstr/mean/auc")]["value"].tolist()
    assert of_dcgan == results.datasets["tiny"].arms["dcgan"].metric("tstr/mean/auc").seeds
    training = pd.read_csv(finished / "training.csv")
    assert training[training["arm"] == "dcgan"]["updates"].tolist() == [2, 4, 6]
    timings = pd.read_csv(finished / "timings.csv")
    assert set(timings["step"]) == {"fitting", "measuring"}
    assert (finished / "report.html").exists()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("datasets.tiny.arms.dcgan.method=dcgn", "did you mean 'dcgan'"),
        ("datasets.tiny.arms.dcgan.options.training.batchsize=3", "did you mean 'batch_size'"),
        ("datasets.tiny.arms.dcgan.privacy={epsilon=1.0}", "no private form"),
        ("datasets.tiny.arms.copies-without-classes.images=5000", "there are 96 training images"),
        ("datasets.tiny.options={size=20}", "must have 28 pixels a side, or a power of two from 8, not 20"),
        ("datasets.tiny.options={size=8}", "too small for structural similarity"),
        ("kind=image", "did you mean 'images'"),
    ],
)
def test_wrong_settings_are_refused_before_a_folder_is_made(small: Path, tmp_path: Path, override: str, words: str):
    folder = tmp_path / "out"
    complains(run("run", str(small), "--set", override, "--out", str(folder)), 2, words)
    assert not folder.exists()


def test_results_without_the_ledger_are_refused(small: Path, finished: Path, tmp_path: Path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "ledger" / "tiny.jsonl").unlink()
    again = run("run", str(small), "--out", str(folder), "--resume", "--jobs", "1")
    assert again.returncode != 0
    assert "tiny.jsonl lacks the fit of own-generator/hospital 1 on tiny, seed 1" in again.stderr
    assert "restore the ledger's file" in again.stderr
    assert "Traceback" not in again.stderr


def _without_times(path: Path) -> dict:
    document = json.loads((path / "results.json").read_text())
    for dataset in document["datasets"].values():
        for arm in dataset["arms"].values():
            arm["cost"] = {}
    return document["datasets"]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_results_in_another_number_of_processes(
    small: Path, finished: Path, tmp_path: Path
):
    folder = tmp_path / "killed"
    arguments = ["run", str(small), "--out", str(folder), "--jobs", "1"]
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    training = folder / "checkpoints" / "tiny" / "1" / "dcgan" / "training"
    while not list(training.glob("*.ckpt")):  # trained, pictures taken, nothing measured
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    assert not (folder / "results.json").exists()
    done = run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert _without_times(folder) == _without_times(finished)
    for name in ("scores.csv", "training.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()
    for kind in ("pictures", "synthetic"):
        for file in (finished / kind).iterdir():
            with np.load(file) as ours, np.load(folder / kind / file.name) as theirs:
                assert ours.files == theirs.files
                for name in ours.files:
                    np.testing.assert_array_equal(ours[name], theirs[name])
