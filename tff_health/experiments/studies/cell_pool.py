"""Cells of a study in processes of their own, a few at a time; one that fails leaves the others alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tff_health.experiments.pool import process_resources
from tff_health.experiments.studies.memory import CellMemory
from tff_health.experiments.studies.plan import Cell
from tff_health.experiments.studies.running_cell import CellEnd, RunningCell, cell_end, start_cell, stop_cells
from tff_health.runtime.signals import InterruptGuard

_POLL = 0.1
_LOOK = 1.0  # seconds between looks at how much memory cells take


def run_cells(
    folder: Path,
    cells: Sequence[Cell],
    jobs: int,
    ended: Callable[[CellEnd], None],
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    memory: float | None = None,
    apart: Sequence[str] = (),
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
        apart: see `start_cell`.

    Raises:
        Interrupted: the user stopped the study.
    """
    waiting, running = list(cells), list[RunningCell]()
    taken, looked = CellMemory(memory), 0.0
    environment = {**process_resources(jobs), **os.environ}
    try:
        while waiting or running:
            guard.check()
            while waiting and len(running) < jobs and taken.has_room(len(running)):
                running.append(start_cell(folder, waiting.pop(0), environment, data_dir=data_dir, apart=apart))
            if time.monotonic() - looked > _LOOK:
                looked = time.monotonic()
                for one in running:
                    taken.watch(one.process.pid)
            over = [one for one in running if one.process.poll() is not None]
            for one in over:
                running.remove(one)
                ended(cell_end(folder, one, taken.peak(one.process.pid) or None))
            if not over:
                time.sleep(_POLL)
    finally:
        stop_cells(running)
