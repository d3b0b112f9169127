"""Studies on Dask workers, as users run them: whole, with a worker killed, stopped, refused."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from running_study import start, timeless, wait_until
from small_experiment import ROOT, SMALL, run
from small_study import TINY, TROUBLED, TROUBLED_DATA, write_study

from tff_health.reporting.collections.document import load_collection_results
from tff_health.reporting.results import load_results

pytest.importorskip("distributed", reason="the extra `dask` is not installed: uv sync --extra dask")

from dask_cluster import Cluster, cell_processes

NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "dask"
    folder.mkdir()
    made = Cluster(folder)
    yield made
    made.end()


def assert_same(folder: Path, other: Path) -> None:
    assert timeless(folder) == timeless(other)
    assert (folder / "summary.csv").read_bytes() == (other / "summary.csv").read_bytes()
    for path in sorted(other.glob("cells/*/rounds.csv")):
        assert (folder / path.relative_to(other)).read_bytes() == path.read_bytes()


def has_trained(folder: Path) -> bool:
    return any(len(path.read_text("utf-8").splitlines()) > 3 for path in folder.glob("cells/*/rounds.csv"))


def test_two_workers_find_what_one_machine_finds(tiny, finished, cluster, tmp_path):
    first, second = cluster.add_worker(), cluster.add_worker()
    # A folder as users name it, seen from where they are.
    done = run("study", str(tiny), "--out", "out", "--scheduler", cluster.address, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 cells done" in done.stdout
    assert "with 2 at a time" in done.stderr
    assert_same(tmp_path / "out", finished)
    with (tmp_path / "out" / "cells.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["status"] for row in table] == ["done", "done"]
    assert all(0.1 < float(row["peak_gib"]) < 8 and float(row["seconds"]) > 1 for row in table)
    assert not cell_processes(first)
    assert not cell_processes(second)


@pytest.mark.slow
def test_a_worker_killed_half_way_changes_nothing(tiny, finished, cluster, tmp_path):
    workers = [cluster.add_worker(), cluster.add_worker()]
    folder = tmp_path / "out"
    process = start(tiny, folder, "--scheduler", cluster.address)
    wait_until(process, lambda: has_trained(folder))
    trained = next(path for path in folder.glob("cells/*/rounds.csv") if len(path.read_text().splitlines()) > 3)
    victim = next(
        worker for worker in workers if any(str(trained.parent) in one.cmdline() for one in cell_processes(worker))
    )
    children = cell_processes(victim)
    assert not (trained.parent / "report.html").exists()
    victim.kill()
    victim.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert_same(folder, finished)
    (left,) = [worker for worker in workers if worker is not victim]
    assert not cell_processes(left)


@pytest.mark.slow
def test_ctrl_c_ends_cells_on_workers(tiny, finished, cluster, tmp_path):
    worker = cluster.add_worker()
    folder = tmp_path / "out"
    process = start(tiny, folder, "--scheduler", cluster.address)
    wait_until(process, lambda: has_trained(folder))
    children = cell_processes(worker)
    assert children
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 4, errors
    assert f"--resume --out {folder}" in errors
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    assert not cell_processes(worker)
    # The same worker goes on, and so does this machine alone.
    assert worker.poll() is None
    done = run("study", str(tiny), "--out", str(folder), "--resume", "--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    assert_same(folder, finished)


@pytest.mark.slow
def test_a_killed_study_leaves_no_cell_behind(tiny, cluster, tmp_path):
    worker = cluster.add_worker()
    process = start(tiny, tmp_path / "out", "--scheduler", cluster.address)
    wait_until(process, lambda: has_trained(tmp_path / "out"))
    children = cell_processes(worker)
    assert children
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


@pytest.mark.slow
def test_a_scheduler_that_goes_away_leaves_a_study_to_resume(tiny, finished, cluster, tmp_path):
    worker = cluster.add_worker()
    folder = tmp_path / "out"
    process = start(tiny, folder, "--scheduler", cluster.address)
    # With one worker the second cell begins when the first is done.
    wait_until(process, lambda: (folder / "cells" / "paper_mock-seed-2" / "settings.toml").exists())
    children = cell_processes(worker)
    cluster.scheduler.kill()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    (last,) = [line for line in errors.splitlines() if line.startswith("error:")]
    assert f"The Dask scheduler at {cluster.address} went away." in last
    assert f"--resume --out {folder}" in last
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    written = (folder / "cells" / "paper_mock-seed-1" / "results.json").stat().st_mtime_ns
    done = run("study", str(tiny), "--out", str(folder), "--resume", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert (folder / "cells" / "paper_mock-seed-1" / "results.json").stat().st_mtime_ns == written
    assert_same(folder, finished)


@pytest.mark.slow
def test_cells_that_fail_leave_the_others_alone(cluster, tmp_path):
    cluster.add_worker()
    cluster.add_worker()
    (tmp_path / "mine.py").write_text(TROUBLED_DATA, "utf-8")
    path = write_study(tmp_path, TROUBLED)
    done = run("study", str(path), "--out", "out", "--scheduler", cluster.address, "--quiet", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cell mine-seed-2 failed: hospital south, column age" in done.stderr
    assert "cell mine-seed-3 failed: its process was ended by signal 9" in done.stderr
    assert "2 of 4 cells done" in done.stdout
    assert load_results(tmp_path / "out" / "results.json").seeds == {"mine": [1, 4]}


@pytest.mark.slow
def test_a_worker_with_other_code_runs_nothing(tiny, cluster, tmp_path):
    copy = tmp_path / "copy"
    for package in ("data", "models", "tff_health"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "models" / "classifier.py").open("a", encoding="utf-8") as file:
        file.write("# Another version.\n")
    cluster.add_worker(copy)
    done = run("study", str(tiny), "--out", str(tmp_path / "out"), "--scheduler", cluster.address)
    assert done.returncode == 1
    assert "has other code than the study" in done.stderr
    assert "0 of 2 cells done" in done.stdout
    assert not any((tmp_path / "out" / "cells").iterdir())


@pytest.mark.slow
def test_parts_that_are_studies_go_to_workers(cluster, tmp_path):
    cluster.add_worker()
    (tmp_path / "small.toml").write_text(SMALL.format(top=""), "utf-8")
    (tmp_path / "tiny.toml").write_text(TINY, "utf-8")
    (tmp_path / "two.toml").write_text(
        'study = "two"\ntitle = "Two parts"\n'
        '[parts.listing]\nexperiment = "small.toml"\nsettings = ["rounds=1", "repeats=1"]\n'
        '[parts.sweep]\nstudy = "tiny.toml"\n',
        "utf-8",
    )
    words = ("study", "two.toml", "--out", "out", "--jobs", "1", "--scheduler", cluster.address)
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    parts = load_collection_results(tmp_path / "out" / "results.json").parts
    assert [part.status for part in parts.values()] == ["done", "done"]
    assert f"2 of 2 cells to run, on the workers of {cluster.address}" in done.stderr
    assert (tmp_path / "out" / "parts" / "sweep" / "cells" / "paper_mock-seed-2" / "report.html").exists()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (NOWHERE, "no Dask scheduler can be reached at 'tcp://127.0.0.1:1'"),
        ("127.0.0.1", "missing port number"),
        ("carrier-pigeon://loft:1", "unknown address scheme"),
    ],
)
def test_a_scheduler_that_cannot_be_reached_is_one_sentence(tiny, tmp_path, address, sentence):
    done = refused(tiny, tmp_path, "--scheduler", address)
    assert sentence in done
    assert "dask scheduler` and give the address that it prints" in done


def test_a_scheduler_without_workers_is_one_sentence(tiny, tmp_path, cluster):
    assert "has no workers; start some by" in refused(tiny, tmp_path, "--scheduler", cluster.address)


def test_jobs_and_memory_are_the_workers_own(tiny, tmp_path):
    for words in (("--jobs", "2"), ("--memory", "4")):
        assert "leave out one or the other" in refused(tiny, tmp_path, "--scheduler", NOWHERE, *words)


def test_a_missing_package_is_one_sentence(tiny, tmp_path):
    (tmp_path / "distributed.py").write_text("raise ImportError('not here')\n", "utf-8")
    said = refused(tiny, tmp_path, "--scheduler", NOWHERE, PYTHONPATH=str(tmp_path))
    assert "uv sync --extra dask" in said


def refused(path: Path, folder: Path, *words: str, **env: str) -> str:
    """What a command said that ended with 2 and one line, made no folder and never imported TensorFlow."""
    code = (
        "import sys; from tff_health.experiments.command_line import main; "
        "status = main(sys.argv[1:]); assert 'tensorflow' not in sys.modules; sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "study", str(path), "--out", str(folder / "out"), "--quiet", *words],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not (folder / "out").exists()
    return done.stderr
