"""One study: all its cells, then the results and the report of them together. Resumable after any moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.extensions import load_extensions
from tff_health.experiments.run_folder import Table
from tff_health.experiments.studies.cell_pool import run_cells
from tff_health.experiments.studies.dask_cells import SchedulerError, run_cells_on_dask
from tff_health.experiments.studies.folder import (
    cell_folder,
    is_finished,
    open_study_folder,
)
from tff_health.experiments.studies.merge import study_results
from tff_health.experiments.studies.plan import Cell, StudyPlan
from tff_health.experiments.studies.running_cell import CellEnd
from tff_health.experiments.studies.summary import write_summary
from tff_health.reporting.cells import CELL_COLUMNS, CELLS_FILE, read_cells
from tff_health.reporting.report import make_report
from tff_health.reporting.results import Results, load_results, save_results
from tff_health.runtime.progress import Progress
from tff_health.runtime.signals import Interrupted, interruptible


class StudyFailedError(TffHealthError):
    """Some cells of a study failed, or all."""


@dataclass
class StudyOutcome:
    """What a study left behind.

    Attributes:
        folder: the study folder.
        report: its report.html; None where no cell has finished.
        results: what results.json holds; None likewise.
        seconds: how long it took this time.
        failed: each failed cell's name and reason.
    """

    folder: Path
    report: Path | None
    results: Results | None
    seconds: float
    failed: dict[str, str]


def run_study(
    plan: StudyPlan,
    folder: Path,
    *,
    data_dir: Path | None = None,
    resume: bool = False,
    mixed_code: bool = False,
    jobs: int = 1,
    memory: float | None = None,
    scheduler: str | None = None,
    quiet: bool = False,
    command: str = "",
    apart: Sequence[str] = (),
) -> StudyOutcome:
    """Runs a study into a folder, or goes on with one that was interrupted.

    Every cell is an ordinary run folder under `cells/`. A cell that fails is recorded in cells.csv with its reason,
    and the rest go on; `resume` tries it again.

    Args:
        plan: `plan_study` made it.
        folder: the study folder.
        data_dir: where data files lie.
        resume: go on with the study in `folder`.
        mixed_code: even if other code has begun it.
        jobs: cells at a time, at most.
        memory: GiB that all cells together may take; None for most of what is free. One cell always runs.
        scheduler: address of a Dask scheduler whose workers run the cells, as many as they have threads, instead of
            `jobs` processes here; None for none.
        quiet: show no progress.
        command: what the report names as the command to make it again.
        apart: options of `run` that name the hospitals that hold the rows, where these are apart.

    Raises:
        TffHealthError: an unusable folder, an interruption; the folder keeps all finished steps.
    """
    clock = time.monotonic()
    load_extensions(plan.cells[0].settings.extensions)
    code = open_study_folder(folder, plan.study, resume=resume, mixed_code=mixed_code)
    done = [cell for cell in plan.cells if is_finished(folder, cell)]
    left = [cell for cell in plan.cells if cell not in done]
    peaks = {row.name: row.peak_gib for row in read_cells(folder)}
    ends = {cell.name: CellEnd(cell, _seconds(folder, cell), peak_gib=peaks.get(cell.name)) for cell in done}
    with interruptible() as guard, Progress(sum(cell.work for cell in plan.cells), quiet=quiet) as progress:
        progress.skip(sum(cell.work for cell in done))
        where = f"{jobs} at a time" if scheduler is None else f"on the workers of {scheduler}"
        progress.stage(f"{len(left)} of {len(plan.cells)} cells to run, {where}")
        table = Table(folder / CELLS_FILE, CELL_COLUMNS)
        table.write([_row(end) for end in ends.values()])

        def ended(end: CellEnd) -> None:
            ends[end.cell.name] = end
            table.write([_row(end)])
            state = "failed" if end.reason else "done"
            progress.advance(end.cell.work, f"{end.cell.name} {state}, {len(ends)} of {len(plan.cells)} cells")

        try:
            if scheduler is None:
                run_cells(folder, left, jobs, ended, guard, data_dir=data_dir, memory=memory, apart=apart)
            else:
                run_cells_on_dask(scheduler, folder, left, ended, guard, code=code, data_dir=data_dir)
            table.close()
            failed = {cell.name: ends[cell.name].reason for cell in plan.cells if ends[cell.name].reason}
            if len(failed) == len(plan.cells):
                return StudyOutcome(folder, None, None, time.monotonic() - clock, failed)
            # In the order of the plan, so that the table does not depend on which cell was faster.
            table = Table(folder / CELLS_FILE, CELL_COLUMNS)
            table.write([_row(ends[cell.name]) for cell in plan.cells])
            table.close()
            progress.stage("results and report")
            results = study_results(folder, command)
            save_results(results, folder / "results.json")
            write_summary(results, folder / "summary.csv")
            report = make_report(folder)
        except (Interrupted, SchedulerError) as stop:
            raise type(stop)(f"{stop} Go on with the same command and --resume --out {folder}") from None
        finally:
            table.close()
    return StudyOutcome(folder, report, results, time.monotonic() - clock, failed)


def _row(end: CellEnd) -> tuple[object, ...]:
    status = "failed" if end.reason else "done"
    peak = None if end.peak_gib is None else round(end.peak_gib, 2)
    return (end.cell.dataset, end.cell.seed, end.cell.name, status, round(end.seconds, 1), peak, end.reason or None)


def _seconds(folder: Path, cell: Cell) -> float:
    return load_results(cell_folder(folder, cell) / "results.json").seconds or 0.0
