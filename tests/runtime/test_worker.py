"""The worker process itself: port, files, restart, death. No TFF is imported here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tff_health.runtime import worker as worker_module
from tff_health.runtime.kernel_threads import kernel_threads
from tff_health.runtime.worker import Worker, WorkerError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TFF's worker runs on Linux only")


@pytest.fixture
def worker() -> Worker:
    worker = Worker()
    yield worker
    worker.stop()


def test_it_starts_in_well_under_a_second_and_stops_twice(worker: Worker) -> None:
    begun = time.perf_counter()
    assert worker.ensure_running() == 1
    seconds = time.perf_counter() - begun
    print(f"worker started in {seconds:.3f} s")
    assert seconds < 5  # about 0.1 s on an idle machine; TFF's own starter always takes more than one
    pid = worker.pid
    assert pid is not None
    assert worker.ensure_running() == 1
    socket.create_connection(("127.0.0.1", worker.port), timeout=1).close()
    worker.stop()
    assert not psutil.pid_exists(pid)
    assert worker.pid is None
    worker.stop()


def test_it_inherits_no_descriptor_and_has_its_own_session(worker: Worker, tmp_path: Path) -> None:
    with open(tmp_path / "patients.csv", "w") as secret:
        os.set_inheritable(secret.fileno(), True)
        worker.ensure_running()
        assert worker.pid is not None
        links = [os.readlink(f"/proc/{worker.pid}/fd/{fd}") for fd in range(3)]
        assert links[0] == "/dev/null"
        assert links[1] == links[2]
        assert links[1].endswith("(deleted)")
        assert str(tmp_path / "patients.csv") not in [f.path for f in psutil.Process(worker.pid).open_files()]
        assert os.getsid(worker.pid) == worker.pid


@pytest.mark.parametrize("chosen", [None, "2"])
def test_kernels_take_one_thread_unless_the_user_says_otherwise(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    if chosen is None:
        monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    else:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", chosen)
    worker.ensure_running()
    assert psutil.Process(worker.pid).environ()["TF_NUM_INTRAOP_THREADS"] == (chosen or "1")


def test_kernels_take_more_threads_where_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    worker = Worker(kernel_threads=3)
    try:
        worker.ensure_running()
        assert psutil.Process(worker.pid).environ()["TF_NUM_INTRAOP_THREADS"] == "3"
    finally:
        worker.stop()


@pytest.mark.parametrize(("clients", "threads"), [(None, 1), (5, 1), (2, 1), (1, len(os.sched_getaffinity(0)))])
def test_only_a_single_client_takes_all_cores(clients: int | None, threads: int) -> None:
    assert kernel_threads(clients) == threads


def test_a_killed_worker_is_replaced_under_a_new_generation(worker: Worker) -> None:
    worker.ensure_running()
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    psutil.Process(first).wait(5)
    assert worker.pid is None
    assert worker.ensure_running() == 2
    assert worker.pid not in (None, first)


def test_a_frozen_worker_is_stopped_too(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_TERMINATE_TIMEOUT", 0.2)
    worker.ensure_running()
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    worker.stop()
    assert not psutil.pid_exists(pid)


def test_it_outlives_the_thread_that_started_it(worker: Worker) -> None:
    starter = threading.Thread(target=worker.ensure_running)
    starter.start()
    starter.join()
    time.sleep(0.3)
    assert worker.pid is not None


def test_two_workers_have_two_ports(worker: Worker) -> None:
    worker.ensure_running()
    other = Worker()
    try:
        other.ensure_running()
        assert other.port != worker.port
        with pytest.raises(OSError, match="in use"), socket.socket() as late:
            late.bind(("127.0.0.1", worker.port))
    finally:
        other.stop()


def test_a_fork_does_not_stop_its_parents_worker(worker: Worker) -> None:
    worker.ensure_running()
    child = os.fork()
    if child == 0:
        worker.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert worker.pid is not None


def test_a_log_file_collects_what_the_worker_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    worker = Worker(log_path=tmp_path / "worker.log")
    try:
        worker.ensure_running()
        deadline = time.monotonic() + 5
        while "listening" not in worker.log_tail() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "listening" in worker.log_tail()
    finally:
        worker.stop()
    assert "listening" in (tmp_path / "worker.log").read_text()


def test_a_worker_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "worker_binary"
    broken.write_text("#!/bin/sh\necho no memory >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(worker_module, "worker_binary_path", lambda: broken)
    worker = Worker()
    with pytest.raises(WorkerError, match=r"status 3: check the free memory.* no memory"):
        worker.ensure_running()
    assert worker.pid is None
    with pytest.raises(WorkerError, match="not started"):
        _ = worker.port


def test_an_unwritable_log_gives_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="log cannot be written"):
        Worker(log_path=tmp_path / "none" / "worker.log").ensure_running()


ORPHAN = """
import os, signal, sys
from tff_health.runtime.worker import Worker
worker = Worker()
worker.ensure_running()
print(worker.pid, flush=True)
if sys.argv[1] == "exit without stopping":
    os._exit(0)
signal.pause()
"""


@pytest.mark.parametrize("end", ["exit without stopping", "kill"])
def test_it_dies_with_its_parent(end: str) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN, end], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if end == "kill":
            parent.kill()
        assert parent.stdout.read() == ""  # the pipe closes: the worker does not hold it
    deadline = time.monotonic() + 3
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.02)


def test_the_launcher_refuses_when_its_parent_is_already_gone() -> None:
    from tff_health.runtime import launcher

    done = subprocess.run(
        [sys.executable, "-I", "-S", launcher.__file__, "1", "/bin/echo", "started"], capture_output=True
    )
    assert (done.returncode, done.stdout) == (launcher.PARENT_GONE, b"")
