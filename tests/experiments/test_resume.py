"""A run that is killed and resumed ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf
from small_experiment import ROOT, command, run

from tff_health.reporting.results import load_results


def model_weights(folder: Path) -> dict[str, list[np.ndarray]]:
    return {
        path.name: tf.keras.models.load_model(path, compile=False).get_weights()
        for path in sorted((folder / "model").glob("*.keras"))
    }


def assert_same_run(one: Path, other: Path) -> None:
    assert (one / "rounds.csv").read_bytes() == (other / "rounds.csv").read_bytes()
    assert (one / "predictions.csv").read_bytes() == (other / "predictions.csv").read_bytes()
    first, second = model_weights(one), model_weights(other)
    assert first.keys() == second.keys()
    assert first
    for name, weights in first.items():
        for a, b in zip(weights, second[name], strict=True):
            np.testing.assert_array_equal(a, b)
    left, right = load_results(one / "results.json"), load_results(other / "results.json")
    for results in (left, right):
        for dataset in results.datasets.values():
            for arm in dataset.arms.values():
                arm.cost = {}
    assert left.datasets == right.datasets


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines()) if path.exists() else 0


def start(*arguments: str, errors: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
    )


def kill_once(process: subprocess.Popen[bytes], reached) -> None:
    """Kills the process, as the system would, as soon as `reached()` is true."""
    deadline = time.monotonic() + 200
    while process.poll() is None and not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.poll() is None, "the run ended before it could be killed"
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, "a worker outlived its killed parent"


@pytest.mark.slow
def test_same_seed_same_bits(small_experiment, finished_run, tmp_path):
    again = tmp_path / "again"
    assert run("run", str(small_experiment), "--out", str(again), "--quiet").returncode == 0
    assert_same_run(finished_run, again)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [1, 5])
def test_parallel_clients_do_not_change_results(small_experiment, finished_run, tmp_path, parallel):
    folder = tmp_path / "out"
    setting = f"parallel_clients={parallel}"
    assert run("run", str(small_experiment), "--out", str(folder), "--set", setting).returncode == 0
    assert_same_run(finished_run, folder)


@pytest.mark.slow
def test_killed_in_every_round(small_experiment, finished_run, tmp_path):
    folder = tmp_path / "killed"
    rounds = folder / "rounds.csv"
    arguments = ["run", str(small_experiment), "--out", str(folder)]
    # A few rows more each time: every start goes on, every kill falls into another round or arm.
    total = lines(finished_run / "rounds.csv")
    reached = 1
    kills = 0
    while reached < total:
        with (tmp_path / "errors.txt").open("wb") as errors:
            process = start(*arguments, *(["--resume"] if kills else []), errors=errors.fileno())
            while process.poll() is None and lines(rounds) <= reached:
                time.sleep(0.01)
            if process.poll() is None:
                kill_once(process, lambda: True)
                kills += 1
            else:
                # It was faster than the last kill; whatever ended it, it must not have failed.
                assert process.returncode == 0, (tmp_path / "errors.txt").read_text("utf-8")
                break
        reached = lines(rounds) + 6
    assert kills >= 4
    done = run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_run(finished_run, folder)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["half written", "before the rename"])
def test_killed_inside_a_checkpoint_write(small_experiment, finished_run, tmp_path, moment):
    folder = tmp_path / "killed"
    script = tmp_path / "killer.py"
    script.write_text(
        "import os, signal\n"
        "from pathlib import Path\n"
        "from tff_health.experiments.loading import load_settings\n"
        "from tff_health.experiments.run import run_experiment\n"
        "from tff_health.runtime import checkpoints\n"
        "writes = 0\n"
        "whole = checkpoints._write_atomically\n"
        "def write(path, content):\n"
        "    global writes\n"
        "    writes += 1\n"
        "    if writes < 6:\n"
        "        return whole(path, content)\n"
        f"    half = {moment == 'half written'}\n"
        "    with open(path.with_name(path.name + '.tmp'), 'wb') as file:\n"
        "        file.write(content[: len(content) // 2] if half else content)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoints._write_atomically = write\n"
        f"run_experiment(load_settings({str(small_experiment)!r}), Path({str(folder)!r}))\n",
        "utf-8",
    )
    killed = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    done = run("run", str(small_experiment), "--out", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_run(finished_run, folder)
    assert not list((folder / "checkpoints").rglob("*.tmp"))


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_used(small_experiment, finished_run, tmp_path):
    folder = tmp_path / "damaged"
    arguments = ["run", str(small_experiment), "--out", str(folder)]
    kill_once(start(*arguments), lambda: lines(folder / "rounds.csv") > 15)
    newest = max((folder / "checkpoints").rglob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    newest.write_bytes(newest.read_bytes()[:-100])
    done = run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert newest.name in done.stderr
    assert_same_run(finished_run, folder)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_how_to_go_on(small_experiment, finished_run, tmp_path, number):
    folder = tmp_path / "stopped"
    arguments = ["run", str(small_experiment), "--out", str(folder)]
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while lines(folder / "rounds.csv") < 5:
        assert process.poll() is None
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 4, errors
    assert "Traceback" not in errors
    assert "--resume" in errors
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert run(*arguments, "--resume").returncode == 0
    assert_same_run(finished_run, folder)


def test_other_settings_are_not_mixed(small_experiment, finished_run):
    before = (finished_run / "rounds.csv").read_bytes()
    done = run("run", str(small_experiment), "--out", str(finished_run), "--resume", "--set", "rounds=2")
    assert done.returncode == 2
    assert "rounds is 3 there and 2 here" in done.stderr
    done = run("run", str(small_experiment), "--out", str(finished_run))
    assert done.returncode == 2
    assert "--resume" in done.stderr
    assert (finished_run / "rounds.csv").read_bytes() == before


@pytest.mark.slow
def test_settings_of_a_run_make_it_again(finished_run, tmp_path):
    again = tmp_path / "again"
    done = run("run", str(finished_run / "settings.toml"), "--out", str(again))
    assert done.returncode == 0, done.stderr
    assert_same_run(finished_run, again)
