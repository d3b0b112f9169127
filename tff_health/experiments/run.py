"""One run of an experiment, resumable after any step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.events import Cells
from tff_health.experiments.extensions import load_extensions
from tff_health.experiments.kinds import (
    check_dataset,
    collect_dataset,
    references,
    run_dataset,
    tables,
    threads,
    unit_work,
    units,
)
from tff_health.experiments.pool import run_in_processes
from tff_health.experiments.run_folder import TRAFFIC_COLUMNS, Table, open_folder
from tff_health.experiments.tensorboard_log import TensorBoardLog
from tff_health.experiments.workload import REPORTING
from tff_health.reporting.report import make_report
from tff_health.reporting.results import Results, save_results
from tff_health.runtime.environment import describe_environment
from tff_health.runtime.progress import Progress
from tff_health.runtime.signals import Interrupted, interruptible

if TYPE_CHECKING:
    from tff_health.experiments.apart.hospitals import Hospitals


@dataclass
class RunOutcome:
    """What a finished run left behind.

    Attributes:
        folder: the run folder.
        report: its report.html.
        results: what results.json holds.
        seconds: how long it took, the report included.
        refused: sentences about checkpoints that could not be used.
    """

    folder: Path
    report: Path
    results: Results
    seconds: float
    refused: list[str] = field(default_factory=list)


def run_experiment(
    settings: ExperimentBase,
    folder: Path,
    *,
    data_dir: Path | None = None,
    resume: bool = False,
    jobs: int = 0,
    quiet: bool = False,
    tensorboard: bool = False,
    command: str = "",
    hospitals: Hospitals | None = None,
) -> RunOutcome:
    """Runs an experiment into a folder, or goes on with one that was interrupted.

    Weights, scores and rounds.csv depend neither on whether and where a run was interrupted nor on `jobs`; those of
    networks for images do on the number of threads, which is one for `jobs` of 1 or more.

    Args:
        settings: validated settings (`loading.load_settings`), without absent datasets (`present.present_datasets`).
        folder: the run folder.
        data_dir: where data files lie.
        resume: go on with the run in `folder`.
        jobs: processes that run units (`kinds.units`) side by side; 0 runs one after another in this process.
        quiet: show no progress.
        tensorboard: log curves to `tensorboard/` while it runs.
        command: what the report names as the command to make it again.
        hospitals: that hold the rows, where these are apart (`apart.settings.apart_settings`); `jobs` is then 0.

    Raises:
        TffHealthError: bad data, an unusable folder, an interruption; the folder keeps all finished steps.
    """
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.monotonic()
    load_extensions(settings.extensions)
    # Data are read before the folder is made: a misnamed file must not leave an empty run behind.
    for name in settings.tasks:
        check_dataset(settings, name, data_dir=data_dir, hospitals=hospitals)
    open_folder(folder, settings, resume=resume)
    work = {unit: unit_work(settings, unit) for name in settings.tasks for unit in units(settings, name)}
    with (
        interruptible() as guard,
        Progress(REPORTING + sum(work.values()), quiet=quiet) as progress,
        _Tables(folder, _tables(settings, hospitals), progress, resume, tensorboard) as listener,
    ):
        try:
            if jobs and hospitals is None:
                run_in_processes(
                    folder, list(work), jobs, listener, guard, data_dir=data_dir, work=work, threads=threads(settings)
                )
                datasets = {
                    name: collect_dataset(settings, name, folder, listener, guard, data_dir=data_dir)
                    for name in settings.tasks
                }
            else:
                datasets = {
                    name: run_dataset(settings, name, folder, listener, guard, data_dir=data_dir, hospitals=hospitals)
                    for name in settings.tasks
                }
            progress.stage("report")
            results = Results(
                experiment=settings.experiment,
                title=settings.title,
                question=settings.question,
                datasets=datasets,
                environment=describe_environment(),
                seeds=settings.seed_record,
                seconds=time.monotonic() - clock,
                started=started,
                command=command,
            )
            results.references = references(settings, results)
            save_results(results, folder / "results.json")
            listener.close()
            report = make_report(folder)
            progress.advance(REPORTING)
        except Interrupted as interruption:
            raise Interrupted(f"{interruption} Go on with the same command and --resume --out {folder}") from None
    return RunOutcome(folder, report, results, time.monotonic() - clock, listener.sentences)


def _tables(settings: ExperimentBase, hospitals: Hospitals | None) -> dict[str, Sequence[str]]:
    return tables(settings) if hospitals is None else {**tables(settings), "traffic": TRAFFIC_COLUMNS}


class _Tables(contextlib.AbstractContextManager["_Tables"]):
    """Listens to datasets: writes the growing tables and shows progress.

    They are written anew from checkpoints when a run is resumed; timings.csv and traffic.csv go on.
    """

    def __init__(
        self, folder: Path, columns: Mapping[str, Sequence[str]], progress: Progress, resume: bool, tensorboard: bool
    ) -> None:
        self._progress, self._columns = progress, columns
        self._log = TensorBoardLog(folder) if tensorboard else None
        self._tables = {
            name: Table(folder / f"{name}.csv", header, append=resume and name in ("timings", "traffic"))
            for name, header in columns.items()
        }
        self.sentences: list[str] = []

    def stage(self, text: str) -> None:
        """See `events.Listener`."""
        self._progress.stage(text)

    def advance(self, units: float, note: str = "", stage: str | None = None) -> None:
        """See `events.Listener`."""
        self._progress.advance(units, note, stage)

    def skip(self, units: float) -> None:
        """See `events.Listener`."""
        self._progress.skip(units)

    def rows(self, table: str, rows: Sequence[Cells]) -> None:
        """See `events.Listener`."""
        self._tables[table].write(rows)
        if self._log is not None:
            self._log.rows(table, self._columns[table], rows)

    def refused(self, sentence: str) -> None:
        """See `events.Listener`."""
        self.sentences.append(sentence)

    def close(self) -> None:
        """Closes the files; may be called again."""
        for table in self._tables.values():
            table.close()
        if self._log is not None:
            self._log.close()

    def __exit__(self, *error: object) -> None:
        self.close()
