"""Datasets side by side in processes: the same tables, one clear sentence when one fails, nothing left behind."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psutil
import pytest
from small_experiment import ROOT, SMALL, command, run


@pytest.fixture(scope="module")
def three_datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    body = SMALL.format(top="").replace("rounds = 3", "rounds = 2").replace("repeats = 2", "repeats = 1")
    head, task = body.split("[datasets.paper_mock]")
    task = "[datasets.paper_mock]" + task
    document = head
    for index, name in enumerate(("first", "second", "third")):
        document += (
            task.replace("datasets.paper_mock", f"datasets.{name}")
            .replace(f"[datasets.{name}]", f'[datasets.{name}]\nsource = "paper_mock"', 1)
            .replace("rows = 40", f"rows = {40 + 10 * (2 - index)}", 1)
        )
    path = tmp_path_factory.mktemp("settings") / "three.toml"
    path.write_text(document, "utf-8")
    return path


@pytest.fixture(scope="module")
def one_at_a_time(three_datasets, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one"
    done = run("run", str(three_datasets), "--out", str(folder), "--jobs", "1")
    assert done.returncode == 0, done.stderr
    return folder


def family(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def wait_for(path: Path, text: str, process: subprocess.Popen) -> None:
    while not path.exists() or text not in path.read_text("utf-8"):
        assert process.poll() is None
        time.sleep(0.02)


@pytest.mark.slow
def test_tables_do_not_depend_on_the_number_of_processes(three_datasets, one_at_a_time, tmp_path):
    folder = tmp_path / "two"
    done = run("run", str(three_datasets), "--out", str(folder), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    for name in ("rounds.csv", "predictions.csv"):
        assert (folder / name).read_bytes() == (one_at_a_time / name).read_bytes()
    names = [line.split(",")[0] for line in (folder / "rounds.csv").read_text("utf-8").splitlines()[1:]]
    assert list(dict.fromkeys(names)) == ["first", "second", "third"]


@pytest.mark.slow
def test_a_process_that_dies_is_reported_and_the_run_can_go_on(three_datasets, one_at_a_time, tmp_path):
    folder = tmp_path / "died"
    arguments = ["run", str(three_datasets), "--out", str(folder), "--jobs", "2"]
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_for(folder / "rounds.csv", "fedavg", process)
    everyone = family(process)
    victim = next(p for p in everyone if "dataset_process" in " ".join(p.cmdline()))
    victim.kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "--resume" in errors
    _, alive = psutil.wait_procs(everyone, timeout=10)
    assert not alive
    done = run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert (folder / "rounds.csv").read_bytes() == (one_at_a_time / "rounds.csv").read_bytes()


@pytest.mark.slow
def test_nothing_outlives_a_killed_parent(three_datasets, tmp_path):
    folder = tmp_path / "killed"
    arguments = ["run", str(three_datasets), "--out", str(folder), "--jobs", "2"]
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for(folder / "rounds.csv", "fedavg", process)
    everyone = family(process)
    assert sum("worker_binary" in " ".join(p.cmdline()) for p in everyone) >= 1
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(everyone, timeout=10)
    assert not alive
