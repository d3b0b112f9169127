"""One cell's process: how it is started, what its end says, and how it is stopped; on any machine."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tff_health.experiments.studies.code_record import StudyCode
from tff_health.experiments.studies.folder import cell_folder, lock_file, log_file
from tff_health.experiments.studies.plan import Cell
from tff_health.runtime import launcher

GRACE = 15.0  # seconds between asking a process to end and ending it


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


@dataclass(frozen=True)
class RunningCell:
    """A cell that runs.

    Attributes:
        cell: which one.
        process: its own.
        started: on the monotonic clock.
    """

    cell: Cell
    process: subprocess.Popen[str]
    started: float


def start_cell(
    folder: Path,
    cell: Cell,
    environment: Mapping[str, str],
    *,
    data_dir: Path | None = None,
    apart: Sequence[str] = (),
    working_folder: Path | None = None,
    code: StudyCode | None = None,
) -> RunningCell:
    """Starts a cell, or goes on with one that was interrupted.

    The process dies with this one, even if it is killed. The calling thread must outlive it, whose end would be its
    end too.

    Args:
        folder: of the study.
        cell: which one.
        environment: variables of the process.
        data_dir: where data files lie.
        apart: options that name the hospitals that hold the rows, where these are apart.
        working_folder: where users' own modules lie; None for this process's.
        code: the only one that may run; None for whatever lies here.

    Raises:
        OSError: the process cannot be started, or its log not be written.
    """
    # The launcher asks the kernel to end the process when this one dies.
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), sys.executable, "-P", "-m"]
    command += ["tff_health.experiments.studies.cell_process", str(cell_folder(folder, cell))]
    command += ["--lock", str(lock_file(folder, cell))]
    command += ["--data-dir", str(data_dir)] if data_dir is not None else []
    command += apart
    if code is not None:
        command += ["--code", code.digest, *(word for name in code.modules for word in ("--module", name))]
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(part for part in (root, environment.get("PYTHONPATH")) if part)
    with log_file(folder, cell).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            cwd=working_folder,
            env={**environment, "PYTHONPATH": path},
            # Ctrl-C is answered by this process alone, which then asks the others to stop.
            start_new_session=True,
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # one that has died at once is noticed by its status
        process.stdin.write(cell.settings.model_dump_json())
        process.stdin.close()
    return RunningCell(cell, process, time.monotonic())


def cell_end(folder: Path, one: RunningCell, peak_gib: float | None) -> CellEnd:
    """How a cell ended whose process is over.

    Args:
        folder: of the study.
        one: the cell.
        peak_gib: memory that it took; None where that is not known.
    """
    seconds = time.monotonic() - one.started
    assert one.process.stdout is not None
    with one.process.stdout as stream:
        answer = stream.read()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        reason = json.loads(answer)["failed"]
        if reason or one.process.returncode == 0:
            return CellEnd(one.cell, seconds, reason or "", peak_gib)
    status = one.process.returncode
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return CellEnd(one.cell, seconds, f"its process {how}; see {log_file(folder, one.cell)}.", peak_gib)


def stop_cells(running: Sequence[RunningCell]) -> None:
    """Asks cells to end, and ends those that do not within seconds."""
    processes = [one.process for one in running]
    for process in processes:
        process.terminate()
    until = time.monotonic() + GRACE
    for process in processes:
        try:
            process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
