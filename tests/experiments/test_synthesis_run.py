"""Experiments on synthesizers as users run them: a TOML file, a report, saved generators, interruptions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from small_experiment import ROOT, command
from test_command_line import complains

from tff_health.reporting.results import load_results
from tff_health.synthesis.generator_archive import read_facts

SMALL = """
kind = "synthesis"
experiment = "small-synthesis"
title = "A small experiment on synthesizers"
splits = 2
evaluation = { anonymeter = false, augmentation = false }

[datasets.breast_cancer]
title = "Breast cancer, three hospitals"
options = { test_fraction = 0.2, hospitals = 3, partition = "iid" }

[datasets.breast_cancer.arms.means]
method = "bootstrap_generator:Means"

[datasets.breast_cancer.arms.ctgan]
method = "ctgan"
[datasets.breast_cancer.arms.ctgan.options]
updates = 12
probes = 2
training = { local_updates = 2, generator_updates = 2, generator_hidden = [16], critic_hidden = [16], latent_dim = 8 }

[datasets.breast_cancer.arms.histograms-eps1]
method = "label-histograms"
privacy = { epsilon = 1.0 }

[datasets.breast_cancer.arms.own-generator]
method = "bootstrap_generator:Means"
data = "each-hospital"
splits = 1
"""
SLOW_FIXTURES = ("finished",)
EXTENSIONS = str(ROOT / "tests" / "synthesis")


def run(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with a user's module on its path."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=ROOT, timeout=timeout, env=_environment(), check=False
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": EXTENSIONS}


@pytest.fixture(scope="session")
def small_synthesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "small-synthesis.toml"
    path.write_text(SMALL, "utf-8")
    return path


@pytest.fixture(scope="session")
def finished(small_synthesis: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    done = run("run", str(small_synthesis), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    assert "real rows" in done.stdout
    return folder


def test_results_hold_every_arm_and_split(finished):
    dataset = load_results(finished / "results.json").datasets["breast_cancer"]
    assert dataset.title == "Breast cancer, three hospitals"
    own = {f"own-generator/hospital {number}" for number in (1, 2, 3)}
    assert set(dataset.arms) == {"means", "ctgan", "histograms-eps1"} | own
    for name, arm in dataset.arms.items():
        metric = arm.metric("tstr/mean/auc")
        assert 0 <= metric.value <= 1
        assert [value is None for value in metric.seeds] == [False, name.startswith("own-generator")]
        assert arm.synthesis is not None
        assert len(arm.synthesis.sample) == 10
        assert arm.membership
    assert dataset.synthesis.splits == 2
    assert dataset.synthesis.real_metrics["trtr/mean/auc"].value > 0.9
    points = dataset.arms["ctgan"].synthesis.history
    assert [point.updates for point in points] == [2, 4, 6, 8, 10, 12]
    assert [round_ for round_ in points if "categories_covered" in round_.values] == [points[2], points[5]]


def test_a_private_arm_states_all_of_its_guarantee(finished):
    dataset = load_results(finished / "results.json").datasets["breast_cancer"]
    privacy = dataset.arms["histograms-eps1"].privacy
    assert 0.9 < privacy.epsilon <= 1.0
    assert (privacy.unit, privacy.delta, privacy.secure_aggregation) == ("patient", 1e-5, "simulated")
    assert "zero-out" in privacy.adjacency
    assert "NOT SECURE" in privacy.sentence
    total = dataset.ledger[0]
    assert total.epsilon > privacy.epsilon, "two splits of the same patients compose"
    entries = [json.loads(line) for line in (finished / "ledger" / "breast_cancer.jsonl").read_text().splitlines()]
    arms = [entry["arm"] for entry in entries if entry.get("record") == "reserve"]
    assert arms.count("histograms-eps1") == 2
    assert arms.count("ctgan") == 2


def test_tables_and_generators_are_kept(finished):
    scores = pd.read_csv(finished / "scores.csv")
    assert set(scores["split"]) == {1, 2}
    assert {"real", "means", "ctgan"} <= set(scores["arm"])
    training = pd.read_csv(finished / "training.csv")
    assert list(training["arm"].unique()) == ["ctgan"]
    table = pd.read_csv(finished / "synthetic" / "breast_cancer--ctgan.csv")
    assert set(table["diagnosis"]) <= {0, 1}
    assert (finished / "report.html").stat().st_size > 50_000


def test_sample_meets_conditions_and_repeats(finished, tmp_path):
    model = str(finished / "model" / "breast_cancer--ctgan.npz")
    texts = []
    for number in range(2):
        out = tmp_path / f"rows{number}.csv"
        done = run("sample", model, "--rows", "30", "--where", "diagnosis=malignant", "--seed", "5", "--out", str(out))
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1].startswith("privacy: no guarantee per patient")
        texts.append(out.read_text())
    assert texts[0] == texts[1]
    table = pd.read_csv(tmp_path / "rows0.csv")
    assert len(table) == 30
    assert set(table["diagnosis"]) == {1}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--where", "diagnosi=1"], 2, "did you mean 'diagnosis'"),
        (["--where", "diagnosis=ill"], 2, "codebook"),
        (["--where", "diagnosis"], 2, "COLUMN=VALUE"),
        (["--where", "mean radius=3"], 2, "coded columns only"),
        (["--rows", "-3"], 2, "rows must lie"),
    ],
)
def test_wrong_samples_are_refused_in_one_sentence(finished, arguments, code, words):
    model = str(finished / "model" / "breast_cancer--means.npz")
    complains(run("sample", model, *arguments), code, words)


def test_a_private_generator_says_what_it_is_worth(finished):
    model = finished / "model" / "breast_cancer--histograms-eps1.npz"
    privacy = load_results(finished / "results.json").datasets["breast_cancer"].arms["histograms-eps1"].privacy
    facts = read_facts(model)["privacy"]
    assert facts["epsilon"] == pytest.approx(privacy.epsilon)
    assert "NOT SECURE" in facts["sentence"]
    done = run("sample", str(model), "--rows", "3")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 4
    assert "epsilon 1 per patient" in done.stderr.splitlines()[-1]
    assert "noise multiplier" in privacy.mechanism


def test_results_without_the_ledger_are_refused(small_synthesis, finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "results.json").unlink()
    (folder / "checkpoints" / "breast_cancer" / "result.json").unlink()
    (folder / "ledger" / "breast_cancer.jsonl").unlink()
    again = run("run", str(small_synthesis), "--out", str(folder), "--resume", "--jobs", "1")
    assert again.returncode != 0
    assert "breast_cancer.jsonl lacks the fit of means on breast_cancer, split 1" in again.stderr
    assert "restore the ledger's file" in again.stderr
    assert "Traceback" not in again.stderr


def test_other_files_are_no_generators(tmp_path):
    complains(run("sample", str(tmp_path / "none.npz")), 3, "no such file")
    (tmp_path / "text.npz").write_text("not an archive")
    complains(run("sample", str(tmp_path / "text.npz")), 3, "cannot be read")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("datasets.breast_cancer.arms.ctgan.method=ctgn", "did you mean 'ctgan'"),
        ("datasets.breast_cancer.arms.ctgan.options={updats=3}", "did you mean 'updates'"),
        ("datasets.breast_cancer.arms.ctgan.options={updates=0}", "updates"),
        ("datasets.breast_cancer.arms.ctgan.options={training={pac=7}}", "multiple of pac"),
        ("datasets.breast_cancer.arms.ctgan.privacy={epsilon=1.0}", "no private form"),
        ("datasets.breast_cancer.arms.histograms-eps1.privacy={epsilon=0.0}", "greater than 0"),
        ("datasets.breast_cancer.arms.histograms-eps1.privacy={epsilon=1.0,delta=0.1}", "delta"),
        ("datasets.breast_cancer.arms.means.patients=100000", "training rows"),
        ("kind=synthesys", "did you mean 'synthesis'"),
    ],
)
def test_wrong_settings_are_refused_before_a_folder_is_made(small_synthesis, tmp_path, override, words):
    folder = tmp_path / "out"
    complains(run("run", str(small_synthesis), "--set", override, "--out", str(folder)), 2, words)
    assert not folder.exists()


def test_the_preset_is_listed():
    done = run("list")
    assert done.returncode == 0
    for word in ("ctgan", "label-histograms", "synthesizers:"):
        assert word in done.stdout


def _without_times(path: Path) -> dict:
    document = json.loads((path / "results.json").read_text())
    for dataset in document["datasets"].values():
        for arm in dataset["arms"].values():
            arm["cost"] = {}
            if arm["privacy"]:  # noise is fresh in every run
                arm["metrics"], arm["synthesis"], arm["membership"] = {}, {}, {}
    return document["datasets"]


def test_a_killed_run_goes_on_to_the_same_results(small_synthesis, finished, tmp_path):
    folder = tmp_path / "killed"
    arguments = ["run", str(small_synthesis), "--out", str(folder), "--jobs", "1"]
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not list(folder.glob("model/*ctgan*.npz")):  # in the midst of the first split
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    done = run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert _without_times(folder) == _without_times(finished)
