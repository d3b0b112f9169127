"""Units of a run, such as datasets, in processes of their own, a few at a time.

A unit's events are passed on in the order of the settings whatever order they come in, so that the tables do not
depend on which process was faster.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.errors import TffHealthError
from tff_health.experiments.events import Listener, replay
from tff_health.experiments.units import Unit
from tff_health.runtime import launcher
from tff_health.runtime.signals import InterruptGuard

_GRACE = 10.0  # seconds between asking a process to end and ending it


class DatasetProcessError(TffHealthError):
    """A unit's process ended in a way that it could not explain itself."""


class _FailedError(TffHealthError):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_in_processes(
    folder: Path,
    units: Sequence[Unit],
    jobs: int,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    work: Mapping[Unit, float] | None = None,
    threads: int | None = None,
) -> None:
    """Runs all units of a run folder; each leaves its result there (`kinds.run_unit`).

    The processes die with this one, even if it is killed. Must be called from the main thread, whose end would be
    theirs too.

    Args:
        folder: an opened run folder.
        units: in the order of the settings.
        jobs: processes at a time.
        listener: told everything, tables in the order of `units`.
        guard: asked whether the user wants to stop.
        data_dir: where data files lie.
        work: how much each unit is; the largest start first, so that none is waited for alone at the end.
        threads: of each process; None shares the cores out.

    Raises:
        TffHealthError: a unit's run failed; the others are stopped and can be resumed.
        Interrupted: the user stopped the run.
    """
    events: queue.Queue[tuple[int, list[Any] | None]] = queue.Queue()
    waiting, left = sorted(units, key=lambda unit: -(work or {}).get(unit, 0)), set(units)
    orderly = _InOrder(units, listener)
    processes = [
        _start(folder, data_dir, process_resources(jobs, threads), index, events)
        for index in range(min(jobs, len(units)))
    ]
    working = {index: _next(process, waiting) for index, process in enumerate(processes)}
    try:
        while left:
            guard.check()
            try:
                index, event = events.get(timeout=0.2)
            except queue.Empty:
                continue
            unit = working[index]
            if event is None:
                if unit is not None:
                    status = processes[index].wait()
                    raise DatasetProcessError(
                        f"the process of {unit.title} ended with status {status}; go on with --resume."
                    )
            elif event[0] == "failed":
                raise _FailedError(event[1], event[2])
            elif unit is not None and event[0] == "done":
                orderly.finished(unit)
                left.discard(unit)
                working[index] = _next(processes[index], waiting)
            elif unit is not None:
                orderly.take(unit, event)
    finally:
        _stop(processes)


def _next(process: subprocess.Popen[str], waiting: list[Unit]) -> Unit | None:
    """Gives the process its next unit, or lets it end where none is left."""
    assert process.stdin is not None
    # A process that has died is noticed at the end of its events.
    with contextlib.suppress(BrokenPipeError):
        if waiting:
            process.stdin.write(f"{json.dumps(waiting[0])}\n")
            process.stdin.flush()
            return waiting.pop(0)
        process.stdin.close()
    return waiting.pop(0) if waiting else None


def _start(
    folder: Path,
    data_dir: Path | None,
    resources: Mapping[str, str],
    index: int,
    events: queue.Queue[tuple[int, list[Any] | None]],
) -> subprocess.Popen[str]:
    # The launcher asks the kernel to end the process when this one dies.
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), sys.executable, "-P", "-m"]
    command += ["tff_health.experiments.dataset_process", str(folder)]
    command += [str(data_dir)] if data_dir is not None else []
    root = str(Path(__file__).parent.parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**resources, **os.environ, "PYTHONPATH": path},
        # Ctrl-C is answered by this process alone, which then asks the others to stop.
        start_new_session=True,
    )

    def read() -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError):
            for line in process.stdout:
                events.put((index, json.loads(line)))
        events.put((index, None))

    threading.Thread(target=read, daemon=True).start()
    return process


def process_resources(jobs: int, threads: int | None = None) -> dict[str, str]:
    """Environment that keeps processes side by side from fighting over cores; what the user has set wins.

    The malloc thresholds keep freed arrays in the process: without them the system spends a fifth of the time on
    giving the same pages back and forth.

    Args:
        jobs: processes side by side.
        threads: of each; None shares the cores out.
    """
    count = str(threads or max(1, len(os.sched_getaffinity(0)) // jobs))
    limits = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count)
    return limits | {
        "TF_NUM_INTEROP_THREADS": str(int(count) + 1),
        "MALLOC_TRIM_THRESHOLD_": "200000000",
        "MALLOC_MMAP_THRESHOLD_": "200000000",
    }


def _stop(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        if process.stdin is not None and not process.stdin.closed:
            process.terminate()
    for process in processes:
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _InOrder:
    """Passes progress on at once, and rows of a unit when all units before it have finished."""

    def __init__(self, units: Sequence[Unit], listener: Listener) -> None:
        self._left, self._listener = list(units), listener
        self._held: dict[Unit, list[list[Any]]] = {unit: [] for unit in units}
        self._done: set[Unit] = set()

    def take(self, unit: Unit, event: list[Any]) -> None:
        if event[0] == "rows" and unit != self._left[0]:
            self._held[unit].append(event)
        else:
            replay(event, self._listener)

    def finished(self, unit: Unit) -> None:
        self._done.add(unit)
        while self._left and self._left[0] in self._done:
            self._left.pop(0)
            if self._left:
                for event in self._held.pop(self._left[0]):
                    replay(event, self._listener)
                self._held[self._left[0]] = []
