"""What users type, right and wrong; each as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_experiment import ROOT, SMALL, run


def complains(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """One clear line on stderr, the right exit code, no traceback, nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr
    assert done.stdout == ""


def test_help_names_the_commands():
    done = run("--help")
    assert done.returncode == 0
    for word in ("run", "list", "report", "data", "five-round", "exit codes"):
        assert word in done.stdout


def test_list_shows_everything_by_name():
    done = run("list")
    assert done.returncode == 0
    for word in ("five-round", "paper_mock", "heart_disease", "logistic-regression", "uniform-mean", "auc"):
        assert word in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "five-rond"], ["run", "--set", "rounds=0"]])
def test_answers_without_importing_tensorflow(arguments):
    code = (
        "import sys; from tff_health.experiments.command_line import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'tensorflow', 'tensorflow_federated', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.endswith("HEAVY []\n"), done.stdout


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run", "five-rund"], ["unknown preset", "did you mean 'five-round'"]),
        (["runn"], ["unknown command", "did you mean 'run'"]),
        (["run", "--sett", "rounds=3"], ["--help"]),
        (["run", "--set", "round=3"], ["unknown setting 'round'", "did you mean 'rounds'"]),
        (["run", "--set", "rounds=0"], ["rounds", "greater than or equal to 1", "not 0"]),
        (["--set", "rounds=0"], ["rounds", "greater than or equal to 1"]),
        (["run", "--set", "rounds=many"], ["rounds", "integer"]),
        (["run", "--set", "rounds"], ["key=value"]),
        (["run", "--set", "datasets.paper_moc.model=mlp"], ["did you mean 'paper_mock'"]),
        (["run", "--set", "datasets.paper_mock.arms.fedavgg.local_epochs=2"], ["did you mean 'fedavg'"]),
        (["run", "--set", "datasets.breast_cancer.options.alpha=-1"], ["alpha", "above 0"]),
        (["run", "--set", "datasets.breast_cancer.options.alfa=1"], ["did you mean 'alpha'"]),
        (["run", "--set", "aggregator=meen"], ["unknown aggregator", "did you mean 'mean'"]),
        (["run", "--set", "model=mpl"], ["unknown model", "did you mean 'mlp'"]),
        (["run", "--seed", "-1"], ["seed"]),
        (["run", "--seed", "abc"], ["seed", "whole number"]),
        (["run", "--set", "#=3"], ["dotted name"]),
        (["run", "--set", "datasets=5", "--set", "model=mlp"], ["datasets"]),
        (["run", "--set", "datasets.paper_mock=5", "--set", "datasets.paper_mock.model=mlp"], ["group of settings"]),
        (["run", "--set", "aggregator=:x"], ["unknown aggregator"]),
        (["run", "--out", "x" * 300], ["x" * 300]),
        (["run", "--set", "datasets.paper_mock.arms.paper-listing.local_epochs=[1, 2]"], ["local_epochs"]),
        (["run", "missing.toml"], ["missing.toml", "no such file"]),
        (["run", "--resume", "--out", "no/such/run"], ["holds no run to resume"]),
        (["report", "no/such/run"], ["no/such/run"]),
        (["data", "check", "heart_diseas"], ["did you mean 'heart_disease'"]),
    ],
)
def test_wrong_usage_gets_one_sentence(arguments, parts):
    complains(run(*arguments), 2, *parts)


def test_broken_settings_files(tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text("rounds = [", "utf-8")
    complains(run("run", str(broken)), 2, "not valid TOML")
    typo = tmp_path / "typo.toml"
    typo.write_text(SMALL.format(top="repeat = 3"), "utf-8")
    complains(run("run", str(typo)), 2, "unknown setting 'repeat'", "did you mean 'repeats'")


def test_missing_data_folder(tmp_path):
    complains(run("run", "--data-dir", str(tmp_path / "nowhere")), 3, "no such folder")


def test_required_data_that_are_absent(tmp_path):
    document = SMALL.format(top="").replace("datasets.paper_mock", "datasets.heart_disease")
    document = document.replace("options = { hospitals = 3, rows = 40, held_out = 2, held_out_rows = 40 }\n", "")
    path = tmp_path / "heart.toml"
    path.write_text(document, "utf-8")
    done = run("run", str(path), "--data-dir", str(tmp_path), "--out", str(tmp_path / "out"))
    complains(done, 3, "data fetch heart_disease")
    assert not (tmp_path / "out").exists()


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("x", "utf-8")
    complains(run("run", "--out", str(tmp_path / "file" / "out")), 2, "file")
    if os.geteuid():
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        complains(run("run", "--out", str(locked / "out")), 2, "not writable")


def test_folder_that_holds_something_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    done = run("run", "--out", str(tmp_path), "--quiet")
    complains(done, 2, "no empty folder")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("rows", "parts"),
    [("{'age': [30, 40], 'ill': [1, 1]}", ["south", "both classes"]), ("{'age': [], 'ill': []}", ["south", "no rows"])],
    ids=["one class", "no rows"],
)
def test_a_users_own_data_with_a_hospital_that_cannot_train(tmp_path, rows, parts):
    (tmp_path / "mine.py").write_text(
        "import pandas as pd\n"
        "from data.federation import Federation, Hospital\n"
        "from data.schema import Column, Schema\n"
        "def load(settings, *, data_dir, seed):\n"
        "    schema = Schema((Column('age', 'integer', bounds=(0, 120)),\n"
        "                     Column('ill', 'binary', codebook={0: 'no', 1: 'yes'})), 'ill')\n"
        "    good = pd.DataFrame({'age': [30, 40, 50, 60], 'ill': [0, 1, 0, 1]})\n"
        f"    bad = pd.DataFrame({rows})\n"
        "    rows = [(name, schema.check(frame, name)) for name, frame in (('north', good), ('south', bad))]\n"
        "    return Federation('mine', 'Mine', 'real', schema,\n"
        "                      tuple(Hospital(n, f, f) for n, f in rows), 'me', 'none', 'none')\n",
        "utf-8",
    )
    path = tmp_path / "mine.toml"
    path.write_text(
        'experiment = "mine"\ntitle = "Mine"\nrounds = 1\n[datasets.mine]\nsource = "mine:load"\n'
        '[datasets.mine.arms.fedavg]\nmethod = "fedavg"\n',
        "utf-8",
    )
    done = run("run", str(path), "--out", str(tmp_path / "out"), cwd=tmp_path)
    complains(done, 3, *parts)
    assert not (tmp_path / "out").exists()


def test_real_data_can_be_checked(real_data):
    done = run("data", "check", "heart_disease", "--data-dir", str(real_data))
    assert done.returncode == 0, done.stderr
    assert "heart_disease loads" in done.stdout


def test_damaged_real_data(real_data, tmp_path):
    folder = tmp_path / "heart_disease"
    folder.mkdir()
    for path in (real_data / "heart_disease").glob("processed.*.data"):
        (folder / path.name).write_bytes(path.read_bytes())
    target = folder / "processed.va.data"
    target.write_bytes(target.read_bytes()[:1000])
    done = run("data", "check", "heart_disease", "--data-dir", str(tmp_path))
    complains(done, 3, "processed.va.data")


HEART = """
experiment = "heart"
title = "Heart"
rounds = 1
repeats = 1
[datasets.heart_disease]
options = {{ protocol = "{protocol}", verify = false }}
[datasets.heart_disease.arms.fedavg]
method = "fedavg"
"""


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("63.0,1.0,1.0,145.0,", "63.0,1.0,1.0,high,", ["processed.cleveland.data", "trestbps", "high"]),
        ("63.0,1.0,1.0,145.0,", "63.0,1.0,9.0,145.0,", ["processed.cleveland.data", "cp", "codebook"]),
        ("63.0,1.0,1.0,145.0,", "63.0,1.0,145.0,", ["processed.cleveland.data", "13", "14"]),
        ("63.0,1.0,1.0,145.0,", "630.0,1.0,1.0,145.0,", ["processed.cleveland.data", "age", "630"]),
        (None, "", ["processed.cleveland.data"]),
    ],
    ids=["text", "category", "column", "range", "empty"],
)
def test_an_edited_file_is_explained(real_data, tmp_path, old, new, parts):
    folder = tmp_path / "heart_disease"
    folder.mkdir()
    for path in (real_data / "heart_disease").glob("processed.*.data"):
        (folder / path.name).write_bytes(path.read_bytes())
    target = folder / "processed.cleveland.data"
    target.write_text(new if old is None else target.read_text("utf-8").replace(old, new), "utf-8")
    settings = tmp_path / "heart.toml"
    settings.write_text(HEART.format(protocol="flamby"), "utf-8")
    done = run("run", str(settings), "--data-dir", str(tmp_path), "--out", str(tmp_path / "out"))
    complains(done, 3, *parts)
    assert not (tmp_path / "out").exists()


def test_a_wrong_hash_is_refused(real_data, tmp_path):
    folder = tmp_path / "heart_disease"
    folder.mkdir()
    for path in (real_data / "heart_disease").glob("processed.*.data"):
        (folder / path.name).write_bytes(path.read_bytes())
    target = folder / "processed.va.data"
    target.write_bytes(target.read_bytes().replace(b"63,1,4,140", b"64,1,4,140", 1))
    done = run("--data-dir", str(tmp_path), "--out", str(tmp_path / "out"))
    complains(done, 3, "processed.va.data", "SHA-256")


def test_a_folder_that_cannot_be_made():
    done = run("run", str(ROOT / "tff_health/experiments/presets/five-round.toml"), "--out", "/proc/tff_health_run")
    assert done.returncode == 2
    assert "/proc/tff_health_run" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_disk_full_during_a_checkpoint(small_experiment, tmp_path):
    """A limit on the size of files stands for the full disk: the system refuses the write in the same place."""
    folder = tmp_path / "out"
    words = " ".join([sys.executable, str(ROOT / "run_experiments.py"), "run", str(small_experiment), "--quiet"])
    limited = ["bash", "-c", f"ulimit -f 8; exec {words} --out {folder}"]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=200, cwd=ROOT, check=False)
    complains(done, 2, "disk is full")
    resumed = run("run", str(small_experiment), "--quiet", "--out", str(folder), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert (folder / "report.html").exists()


def test_output_into_a_pipe_ends(finished_run):
    script = f"{sys.executable} {ROOT / 'run_experiments.py'} report {finished_run} | cat"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip().removeprefix("Report: ")) == finished_run / "report.html"
