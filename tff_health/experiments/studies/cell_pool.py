"""Cells of a study in processes of their own, a few at a time; one that fails leaves the others alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tff_health.experiments.pool import process_resources
from tff_health.experiments.studies.folder import cell_folder, log_file
from tff_health.experiments.studies.memory import CellMemory
from tff_health.experiments.studies.plan import Cell
from tff_health.runtime import launcher
from tff_health.runtime.signals import InterruptGuard

_GRACE = 15.0  # seconds between asking a process to end and ending it
_POLL = 0.1
_LOOK = 1.0  # seconds between looks at how much memory cells take


@dataclass(frozen=True)
class CellEnd:
    """How a cell ended.

    Attributes:
        cell: which one.
        seconds: how long its process ran.
        reason: why it failed; empty where it did not.
        peak_gib: memory that it took at most, its own processes included; None where that is not known.
    """

    cell: Cell
    seconds: float
    reason: str = ""
    peak_gib: float | None = None


@dataclass
class _Running:
    cell: Cell
    process: subprocess.Popen[str]
    started: float


def run_cells(
    folder: Path,
    cells: Sequence[Cell],
    jobs: int,
    ended: Callable[[CellEnd], None],
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    memory: float | None = None,
) -> None:
    """Runs cells, or goes on with those that were interrupted.

    The processes die with this one, even if it is killed. Must be called from the main thread, whose end would be
    theirs too.

    Args:
        folder: of the study.
        cells: those to run, in this order.
        jobs: processes at a time.
        ended: told of each cell as it ends, well or not.
        guard: asked whether the user wants to stop.
        data_dir: where data files lie.
        memory: GiB that all cells together may take; None for most of what is free.

    Raises:
        Interrupted: the user stopped the study.
    """
    waiting, running = list(cells), list[_Running]()
    taken, looked = CellMemory(memory), 0.0
    try:
        while waiting or running:
            guard.check()
            while waiting and len(running) < jobs and taken.has_room(len(running)):
                running.append(_start(folder, waiting.pop(0), jobs, data_dir))
            if time.monotonic() - looked > _LOOK:
                looked = time.monotonic()
                for one in running:
                    taken.watch(one.process.pid)
            over = [one for one in running if one.process.poll() is not None]
            for one in over:
                running.remove(one)
                ended(replace(_end(folder, one), peak_gib=taken.peak(one.process.pid) or None))
            if not over:
                time.sleep(_POLL)
    finally:
        _stop([one.process for one in running])


def _start(folder: Path, cell: Cell, jobs: int, data_dir: Path | None) -> _Running:
    # The launcher asks the kernel to end the process when this one dies.
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), sys.executable, "-P", "-m"]
    command += ["tff_health.experiments.studies.cell_process", str(cell_folder(folder, cell))]
    command += [str(data_dir)] if data_dir is not None else []
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    with log_file(folder, cell).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env={**process_resources(jobs), **os.environ, "PYTHONPATH": path},
            # Ctrl-C is answered by this process alone, which then asks the others to stop.
            start_new_session=True,
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # one that has died at once is noticed by its status
        process.stdin.write(cell.settings.model_dump_json())
        process.stdin.close()
    return _Running(cell, process, time.monotonic())


def _end(folder: Path, one: _Running) -> CellEnd:
    seconds = time.monotonic() - one.started
    assert one.process.stdout is not None
    with one.process.stdout as stream:
        answer = stream.read()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        reason = json.loads(answer)["failed"]
        if reason or one.process.returncode == 0:
            return CellEnd(one.cell, seconds, reason or "")
    status = one.process.returncode
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return CellEnd(one.cell, seconds, f"its process {how}; see {log_file(folder, one.cell)}.")


def _stop(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
