"""A Dask scheduler and workers on this machine, started as users start them: by commands, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from small_experiment import ROOT


class Cluster:
    """A scheduler, and workers that are added one by one.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        contact = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(contact))
        wait_for(contact.exists)
        self.address: str = json.loads(contact.read_text("utf-8"))["address"]

    def add_worker(self, root: Path = ROOT) -> subprocess.Popen[bytes]:
        """A worker that runs one cell at a time; without a nanny, so that what is killed stays dead.

        Args:
            root: of the project's copy that it runs.
        """
        before = self.workers()
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder))
        worker = self._start("worker", self.address, *options, root=root)
        wait_for(lambda: self.workers() > before)
        return worker

    def workers(self) -> int:
        """How many the scheduler knows."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return len(client.nthreads())

    def end(self) -> None:
        """Kills all of it."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _start(self, role: str, *words: str, root: Path = ROOT) -> subprocess.Popen[bytes]:
        clean = {key: value for key, value in os.environ.items() if key != "TFF_HEALTH_DATA"}
        with (self._folder / f"{role}-{len(self._processes)}.txt").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.dask_{role}", *words),
                    *("--host", "127.0.0.1", "--no-dashboard"),
                ],
                # Not the project's folder: what lies there must come from PYTHONPATH, as an installation's would.
                cwd=self._folder,
                env={**clean, "PYTHONPATH": str(root)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        return process


def cell_processes(worker: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """A worker's cell with all of its own processes; empty where it runs none."""
    if worker.poll() is not None:
        return []
    return psutil.Process(worker.pid).children(recursive=True)


def wait_for(reached: Callable[[], object], seconds: float = 250) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
