"""What is said of a cell, and of a scheduler, by what Dask's client tells; without any process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_study import TINY, write_study

from tff_health.experiments.studies import dask_cells
from tff_health.experiments.studies.dask_cells import SchedulerGoneError
from tff_health.experiments.studies.dask_task import CellAnswer
from tff_health.experiments.studies.loading import load_study
from tff_health.experiments.studies.plan import Cell, plan_study
from tff_health.experiments.studies.running_cell import CellEnd
from tff_health.runtime.signals import InterruptGuard

distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed: uv sync --extra dask")


class Task:
    def __init__(self, answer: CellAnswer | None = None, error: Exception | None = None, lost: bool = False) -> None:
        self._answer, self._error, self._lost = answer, error, lost

    def done(self) -> bool:
        return bool(self._answer or self._error or self._lost)

    def cancelled(self) -> bool:
        return self._lost

    def exception(self) -> Exception | None:
        return self._error

    def result(self) -> CellAnswer | None:
        return self._answer


class Client:
    status = "running"

    def nthreads(self) -> dict[str, int]:
        return {}


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    path = str(write_study(tmp_path, TINY))
    return plan_study(load_study(path), path).cells[0]


def follow(task: Task, cell: Cell, folder: Path) -> list[CellEnd]:
    ends: list[CellEnd] = []
    client: Any = Client()
    tasks: Any = {task: cell}
    dask_cells._follow(client, "tcp://here:1", folder, tasks, ends.append, InterruptGuard())
    return ends


def test_a_cell_whose_workers_all_died_has_failed(cell, tmp_path):
    error = distributed.KilledWorker("task", None, 4)
    (end,) = follow(Task(error=error), cell, tmp_path)
    assert "every worker that ran it died" in end.reason


def test_a_worker_without_the_project_is_told_where_to_find_it(cell, tmp_path):
    (end,) = follow(Task(error=ModuleNotFoundError("No module named 'tff_health'")), cell, tmp_path)
    assert "ModuleNotFoundError: No module named 'tff_health'" in end.reason
    assert "dask worker" in end.reason


def test_a_cell_that_is_finished_elsewhere_has_failed(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cells, "_VISIBLE", 0.0)
    (end,) = follow(Task(CellAnswer(3.0)), cell, tmp_path)
    assert "file system that all workers share" in end.reason
    (end,) = follow(Task(CellAnswer(3.0, "column age")), cell, tmp_path)
    assert end.reason == "column age"


def test_a_study_does_not_wait_for_ever_without_workers(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cells, "_LOOK", 0.0)
    monkeypatch.setattr(dask_cells, "_ALONE", 0.5)
    with pytest.raises(SchedulerGoneError, match="has had no worker"):
        follow(Task(), cell, tmp_path)


def test_tasks_that_are_lost_mean_that_the_scheduler_is_gone(cell, tmp_path):
    with pytest.raises(SchedulerGoneError, match="tcp://here:1 went away"):
        follow(Task(lost=True), cell, tmp_path)
