"""Cells of a study on the workers of a Dask scheduler that runs already; an alternative to `cell_pool`.

Dask gives the cell of a worker that has died to another one, which goes on with the cell's folder; `cell_lock` keeps
it waiting until the first worker's process is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import SettingsError, TffHealthError, clip
from data.locations import ENVIRONMENT_VARIABLE
from tff_health.experiments.studies.code_record import StudyCode
from tff_health.experiments.studies.dask_task import CellAnswer, CellOrder, host, run_order
from tff_health.experiments.studies.folder import cell_folder, is_finished
from tff_health.experiments.studies.plan import Cell
from tff_health.experiments.studies.running_cell import CellEnd
from tff_health.runtime.signals import InterruptGuard

if TYPE_CHECKING:
    from distributed import Client, Future

_CONNECTING = 10.0  # seconds
_POLL = 0.2
_LOOK = 5.0  # seconds between looks whether workers are there
_ALONE = 120.0  # seconds without a worker before the study is given up
_VISIBLE = 90.0  # seconds until a shared file system shows what another machine has written
_START = "`uv run --extra dask dask worker ADDRESS`"


class SchedulerError(SettingsError):
    """The scheduler cannot be used."""


class SchedulerGoneError(SchedulerError):
    """The scheduler, or its last worker, went away while a study ran; finished cells are kept."""

    exit_code = 1


def find_slots(scheduler: str) -> int:
    """How many cells a scheduler's workers can run at a time.

    Args:
        scheduler: its address, such as tcp://127.0.0.1:8786.

    Raises:
        SchedulerError: `distributed` is not installed, the scheduler cannot be reached, or it has no workers.
    """
    with _connected(scheduler) as client:
        return sum(_slots(client, scheduler).values())


def run_cells_on_dask(
    scheduler: str,
    folder: Path,
    cells: Sequence[Cell],
    ended: Callable[[CellEnd], None],
    guard: InterruptGuard,
    *,
    code: StudyCode,
    data_dir: Path | None = None,
) -> None:
    """Runs cells on a scheduler's workers, or goes on with those that were interrupted.

    Workers stop their cells when this process ends, however it ends.

    Args:
        scheduler: its address.
        folder: of the study, on a file system that all workers share under the same path.
        cells: those to run, in this order.
        ended: told of each cell as it ends, well or not.
        guard: asked whether the user wants to stop.
        code: the only one that workers may run.
        data_dir: where data files lie, likewise shared.

    Raises:
        SchedulerError: the scheduler cannot be used, or went away.
        Interrupted: the user stopped the study.
    """
    if not cells:
        return
    folder = folder.absolute()
    named = data_dir or os.environ.get(ENVIRONMENT_VARIABLE)
    data = str(Path(named).expanduser().absolute()) if named else None
    with _connected(scheduler) as client:
        beside = Counter[str]()
        for address, threads in _slots(client, scheduler).items():
            beside[host(address)] += threads
        waiting: dict[Future, Cell] = {}
        try:
            for place, cell in enumerate(cells):
                key = f"{cell.name}-{uuid.uuid4().hex}"  # a cell that failed before is another task
                settings = cell.settings.model_dump_json()
                order = CellOrder(
                    key, str(folder), cell.dataset, cell.seed, settings, data, os.getcwd(), code, dict(beside)
                )
                waiting[client.submit(run_order, order, key=key, pure=False, priority=-place)] = cell
            _follow(client, scheduler, folder, waiting, ended, guard)
        finally:
            if client.status == "running":
                client.cancel(list(waiting), force=True)


def _follow(
    client: Client,
    scheduler: str,
    folder: Path,
    waiting: dict[Future, Cell],
    ended: Callable[[CellEnd], None],
    guard: InterruptGuard,
) -> None:
    """Tells of cells as they end, until none is left."""
    seen = looked = time.monotonic()
    while waiting:
        guard.check()
        over = [future for future in waiting if future.done()]
        if client.status != "running" or any(future.cancelled() for future in over):
            raise SchedulerGoneError(f"The Dask scheduler at {scheduler} went away.")
        for future in over:
            end = _end(future, waiting[future])
            if not end.reason and not _is_visible(folder, end.cell, guard):
                end = CellEnd(
                    end.cell,
                    end.seconds,
                    f"a worker has finished it, but not in {folder} as seen from here: put the study, by --out, on a "
                    "file system that all workers share.",
                )
            del waiting[future]
            ended(end)
        if time.monotonic() - looked > _LOOK:
            looked = time.monotonic()
            if _has_workers(client):
                seen = looked
            elif looked - seen > _ALONE:
                raise SchedulerGoneError(
                    f"The Dask scheduler at {scheduler} has had no worker for {_ALONE:.0f} seconds; start some by "
                    f"{_START}."
                )
        if not over:
            time.sleep(_POLL)


def _end(future: Future, cell: Cell) -> CellEnd:
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        answer: CellAnswer = future.result()
        return CellEnd(cell, answer.seconds, answer.reason, answer.peak_gib)
    if isinstance(error, KilledWorker):
        return CellEnd(cell, 0.0, "every worker that ran it died, out of memory perhaps; see the workers' logs.")
    said = clip(" ".join(f"{type(error).__name__}: {error}".split()), 300)
    return CellEnd(
        cell, 0.0, f"a worker could not run it ({said}); start workers from this version of the project, by {_START}."
    )


def _is_visible(folder: Path, cell: Cell, guard: InterruptGuard) -> bool:
    until = time.monotonic() + _VISIBLE
    while True:
        with contextlib.suppress(OSError):  # reading a folder makes a network file system look again
            os.listdir(folder / "cells")
            os.listdir(cell_folder(folder, cell))
        if is_finished(folder, cell):
            return True
        if time.monotonic() > until:
            return False
        guard.check()
        time.sleep(_POLL)


def _has_workers(client: Client) -> bool:
    try:
        return bool(client.nthreads())
    except Exception:  # the connection is breaking, which the client's status will say
        return True


def _slots(client: Client, scheduler: str) -> dict[str, int]:
    slots: dict[str, int] = client.nthreads()
    if not slots:
        raise SchedulerError(f"the Dask scheduler at {scheduler} has no workers; start some by {_START}.")
    return slots


@contextlib.contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    try:
        import distributed
    except ImportError as error:
        raise SchedulerError(
            "--scheduler needs the package distributed, which is not installed here; install it by "
            "`uv sync --extra dask`."
        ) from error
    # What goes wrong becomes one sentence of ours; Dask would add pages.
    for name in ("distributed", "distributed.client", "tornado", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        asyncio.run(_greet(scheduler))
        client = distributed.Client(scheduler, timeout=_CONNECTING, set_as_default=False)
    except TffHealthError:  # a signal
        raise
    except Exception as error:  # of many classes, by what is wrong with the address and by what answers there
        said = clip(" ".join(str(error).split()), 200) or "no answer"
        raise SchedulerError(
            f"no Dask scheduler can be reached at {clip(scheduler)!r} ({said}); start one by `uv run --extra dask dask "
            "scheduler` and give the address that it prints, such as tcp://127.0.0.1:8786."
        ) from error
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=5)


async def _greet(scheduler: str) -> None:
    """Returns where a scheduler answers; Dask's own client can wait for ever where something else does."""
    from distributed.core import rpc
    from distributed.security import Security

    connection = Security().get_connection_args("client")
    async with asyncio.timeout(_CONNECTING), rpc(scheduler, connection_args=connection) as there:
        kind = (await there.identity())["type"]
    if kind != "Scheduler":
        raise ValueError(f"a Dask {kind.lower()} answers there")
