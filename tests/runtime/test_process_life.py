"""However a federated program ends, its worker ends with it and nothing is printed that the program did not print."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from example_run import FinishedRun  # isort: skip (beside this file)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = Path(__file__).with_name("federated_example.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def wait_until_gone(pid: int, seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
    pytest.fail(f"worker {pid} outlived its parent by {seconds} s")


def worker_of(lines: list[str]) -> int:
    return next(int(line.split()[1]) for line in lines if line.startswith("worker "))


def test_a_run_ends_through_a_pipe_and_prints_nothing_of_its_own(finished_run: FinishedRun) -> None:
    assert finished_run.errors == ""
    assert finished_run.status == 0
    assert [line.split()[0] for line in finished_run.lines] == ["worker", "times", "digest"]
    print(*finished_run.lines, sep="\n")  # `pytest -rP` shows the measured times
    assert not psutil.pid_exists(worker_of(finished_run.lines))


def test_an_exception_of_the_user_is_all_that_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "exception"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("\nRuntimeError: a bug of the user's\n")
    assert "ignored" not in done.stderr
    assert "tensorflow" not in done.stderr
    assert not psutil.pid_exists(worker_of(done.stdout.splitlines()))


@contextlib.contextmanager
def busy_run() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run in its own process group whose worker is in the middle of a computation, and the worker's id."""
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE), "busy"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("worker "):
                break
        worker = worker_of(lines)
        children = psutil.Process(process.pid).children(recursive=True)
        assert [(child.pid, Path(child.exe()).name) for child in children] == [(worker, "worker_binary")]
        assert os.getsid(worker) == worker  # a terminal's signals do not reach it
        time.sleep(0.5)  # so that the computation is running
        yield process, worker
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_ends_a_busy_run_with_one_sentence(number: signal.Signals, name: str) -> None:
    with busy_run() as (process, worker):
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - sent < 5
        assert errors == f"Stopped by {name}.\n"
        assert process.returncode == 4
        assert not psutil.pid_exists(worker)


def test_kill_9_takes_the_worker_along() -> None:
    with busy_run() as (process, worker):
        process.kill()
        process.wait()
        wait_until_gone(worker)
