"""What a Dask worker does with a cell: it starts the same process as a study on one machine, and watches it.

Workers import this module from their own copy of the project.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data.errors import TffHealthError
from tff_health.experiments.pool import process_resources
from tff_health.experiments.run_folder import explain
from tff_health.experiments.settings import ExperimentSettings
from tff_health.experiments.studies.code_record import StudyCode
from tff_health.experiments.studies.folder import cell_folder, is_finished, is_study
from tff_health.experiments.studies.memory import CellMemory
from tff_health.experiments.studies.plan import Cell
from tff_health.experiments.studies.running_cell import cell_end, start_cell, stop_cells
from tff_health.reporting.results import load_results

_POLL = 0.1
_LOOK = 1.0  # seconds between looks at how much memory the cell takes


@dataclass(frozen=True)
class CellOrder:
    """A cell for whichever worker is free.

    Attributes:
        key: of the task.
        folder: of the study, absolute.
        dataset: of the cell.
        seed: of the cell.
        settings: of its run, as JSON.
        data_dir: where data files lie, absolute; None for the worker's own place.
        working_folder: where the study was started; users' own modules lie there.
        code: the only one that may run.
        beside: cells at a time by host, over all of its workers.
    """

    key: str
    folder: str
    dataset: str
    seed: int
    settings: str
    data_dir: str | None
    working_folder: str
    code: StudyCode
    beside: Mapping[str, int]


@dataclass(frozen=True)
class CellAnswer:
    """How a cell ended; the attributes of `CellEnd`."""

    seconds: float
    reason: str = ""
    peak_gib: float | None = None


def host(address: str) -> str:
    """The host of a worker's address."""
    return urlsplit(address).hostname or address


def run_order(order: CellOrder) -> CellAnswer:
    """Runs a cell on this worker, or goes on with one whose worker has died.

    The cell's process dies with the worker, and is ended when the task is cancelled or the scheduler has gone.
    """
    folder = Path(order.folder)
    cell = Cell(order.dataset, order.seed, ExperimentSettings.model_validate_json(order.settings))
    if not is_study(folder):
        return CellAnswer(
            0.0,
            f"{socket.gethostname()} does not see {folder}: put the study, by --out, on a file system that all workers "
            "share.",
        )
    try:
        if is_finished(folder, cell):  # by a worker that died before it could say so
            return CellAnswer(load_results(cell_folder(folder, cell) / "results.json").seconds or 0.0)
        return _watched(order, folder, cell)
    except OSError as error:
        return CellAnswer(0.0, f"{socket.gethostname()}: {explain(error, folder)}")
    except TffHealthError as error:
        return CellAnswer(0.0, str(error))


def _watched(order: CellOrder, folder: Path, cell: Cell) -> CellAnswer:
    from distributed import get_worker

    worker = get_worker()
    taken, looked = CellMemory(math.inf), 0.0
    place = Path(order.working_folder)
    one = start_cell(
        folder,
        cell,
        _environment(order.beside.get(host(worker.address), worker.state.nthreads)),
        data_dir=Path(order.data_dir) if order.data_dir else None,
        working_folder=place if place.is_dir() else None,
        code=order.code,
    )
    try:
        while one.process.poll() is None:
            if not _wanted(worker, order.key):
                return CellAnswer(0.0, "cancelled")  # nobody waits for this answer
            if time.monotonic() - looked > _LOOK:
                looked = time.monotonic()
                taken.watch(one.process.pid)
            time.sleep(_POLL)
        end = cell_end(folder, one, taken.peak(one.process.pid) or None)
    finally:
        stop_cells([one])
    return CellAnswer(end.seconds, end.reason, end.peak_gib)


def _environment(beside: int) -> dict[str, str]:
    import dask

    # Dask sets thread counts and malloc's threshold for work inside its workers; a cell has a process of its own.
    of_dask = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    own = {name: value for name, value in os.environ.items() if str(of_dask.get(name)) != value}
    return {**process_resources(beside), **own}


def _wanted(worker: Any, key: str) -> bool:
    """Whether somebody still waits for the task; Dask itself never stops one that has begun."""
    from distributed.core import Status

    task = worker.state.tasks.get(key)
    if task is None or task.state not in ("executing", "long-running"):
        return False
    return worker.status in (Status.running, Status.paused, Status.closing_gracefully)
