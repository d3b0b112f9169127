"""A study whose cells ask hospitals that are apart, as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from needs_door import needs_door
from small_experiment import run

pytestmark = needs_door
STUDY = """
study = "apart"
title = "Three clinics apart"
question = "Is it a study?"
seeds = [1, 2]
[experiment]
rounds = 1
repeats = 1
folds = 2
bootstrap = 20
[experiment.datasets.breast_cancer]
options = { hospitals = 3 }
[experiment.datasets.breast_cancer.arms.fedavg]
method = "fedavg"
aggregator = "secure-weighted"
client_learning_rate = 0.1
[experiment.datasets.breast_cancer.arms.alone]
method = "alone"
client_learning_rate = 0.1
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "apart.toml"
    path.write_text(STUDY, "utf-8")
    return path


@pytest.mark.slow
def test_every_cell_asks_the_hospitals(study, tmp_path):
    out = tmp_path / "out"
    done = run("study", str(study), "--out", str(out), "--simulate-hospitals", "3")
    assert done.returncode == 0, done.stderr
    assert "breast_cancer: alone left out" in done.stderr
    results = json.loads((out / "results.json").read_text("utf-8"))
    arms = results["datasets"]["breast_cancer"]["arms"]
    assert set(arms) == {"fedavg"}
    assert arms["fedavg"]["secure_aggregation"] == "masked"
    assert len(arms["fedavg"]["metrics"]["test/auc"]["seeds"]) == 2
    for cell in (out / "cells").iterdir():
        assert (cell / "traffic.csv").exists()
    again = run("study", str(study), "--out", str(out), "--simulate-hospitals", "3", "--resume")
    assert again.returncode == 0, again.stderr
    other = run("study", str(study), "--out", str(out), "--resume")
    assert other.returncode != 0, "the cells of a study on rows at hand are others"
    assert "Traceback" not in other.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs", "2", "--simulate-hospitals", "3"], "all cells ask the same ones, one after another"),
        (["--identity", "coordinator"], "--identity is for --hospitals"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(study, tmp_path, arguments, words):
    done = run("study", str(study), "--out", str(tmp_path / "out"), *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_study_of_parts_is_refused(tmp_path):
    done = run("study", "paper-1", "--out", str(tmp_path / "out"), "--simulate-hospitals", "5")
    assert done.returncode == 2
    assert "is a study of parts" in done.stderr


def test_a_study_for_hospitals_apart_needs_some(study, tmp_path):
    path = tmp_path / "written.toml"
    path.write_text("apart = true\n" + study.read_text("utf-8"), "utf-8")
    done = run("study", str(path), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "written.toml: `apart = true` is for hospitals that hold their rows" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
