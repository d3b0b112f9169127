"""A study of parts: one after another, then a report of them together. Resumable after any moment."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.collections.folder import (
    is_begun,
    is_finished,
    open_collection_folder,
    part_folder,
)
from tff_health.experiments.collections.plan import CollectionPlan, PlannedPart
from tff_health.experiments.kinds import units
from tff_health.experiments.run import run_experiment
from tff_health.experiments.studies.code_record import mixture_note
from tff_health.experiments.studies.dask_cells import SchedulerError
from tff_health.experiments.studies.plan import StudyPlan
from tff_health.experiments.studies.run import run_study
from tff_health.reporting.collections.document import CollectionResults, PartResult, save_collection
from tff_health.reporting.collections.report import make_collection_report
from tff_health.reporting.collections.rows import paper_rows
from tff_health.reporting.results import load_results
from tff_health.runtime.environment import describe_environment
from tff_health.runtime.signals import Interrupted, interruptible


@dataclass(frozen=True)
class CollectionOutcome:
    """What a study of parts left behind.

    Attributes:
        folder: of the study.
        report: its report.html.
        seconds: how long it took this time.
        failed: each failed part's name and reason.
    """

    folder: Path
    report: Path
    seconds: float
    failed: dict[str, str]


def run_collection(
    plan: CollectionPlan,
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
) -> CollectionOutcome:
    """Runs all parts into a folder, or goes on with those that were interrupted.

    Every part is an ordinary run or study folder under `parts/`. One that fails is recorded with its reason, and the
    rest go on; `resume` tries it again.

    Args:
        plan: `plan_collection` made it.
        folder: of the study.
        data_dir: where data files lie.
        resume: go on with the study in `folder`.
        mixed_code: even if other code has begun it.
        jobs: processes at a time within a part.
        memory: GiB that the cells of a part may take together; None for most of what is free.
        scheduler: address of a Dask scheduler whose workers run the cells of parts that are studies; None for none.
        quiet: show no progress.
        command: what the report names as the command to make it again.

    Raises:
        TffHealthError: an unusable folder, an interruption; the folder keeps all finished steps.
    """
    clock = time.monotonic()
    open_collection_folder(folder, plan, resume=resume, mixed_code=mixed_code)
    failed: dict[str, str] = {}
    try:
        with interruptible() as guard:
            for number, part in enumerate(plan.parts, 1):
                guard.check()
                if not quiet:
                    print(f"Part {number} of {len(plan.parts)}, {part.name}: {part.title}", file=sys.stderr, flush=True)
                reason = _run_part(
                    part,
                    part_folder(folder, part.name),
                    data_dir,
                    _How(jobs=jobs, memory=memory, scheduler=scheduler, quiet=quiet, mixed_code=mixed_code),
                )
                if reason:
                    failed[part.name] = reason
            results = _results(plan, folder, failed, command)
            save_collection(results, folder / "results.json")
            report = make_collection_report(folder)
    except (Interrupted, SchedulerError) as stop:
        said = str(stop).split(" Go on with")[0]  # the part's own folder is not the one to name
        raise type(stop)(f"{said} Go on with the same command and --resume --out {folder}") from None
    return CollectionOutcome(folder, report, time.monotonic() - clock, failed)


@dataclass(frozen=True)
class _How:
    jobs: int
    memory: float | None
    scheduler: str | None
    quiet: bool
    mixed_code: bool


def _run_part(part: PlannedPart, place: Path, data_dir: Path | None, how: _How) -> str:
    """Runs what is missing of a part; why it failed, empty where it did not."""
    try:
        begun = is_begun(place, part)
        if begun and is_finished(place, part):
            return ""
        if isinstance(part.work, StudyPlan):
            outcome = run_study(
                part.work,
                place,
                data_dir=data_dir,
                resume=begun,
                mixed_code=how.mixed_code,
                jobs=min(how.jobs, len(part.work.cells)),
                memory=how.memory,
                scheduler=how.scheduler,
                quiet=how.quiet,
                command=part.command,
            )
            if not outcome.failed:
                return ""
            name, reason = next(iter(outcome.failed.items()))
            return f"{len(outcome.failed)} of {len(part.work.cells)} cells failed; {name}: {reason}"
        pieces = sum(len(units(part.work, name)) for name in part.work.tasks)
        run_experiment(
            part.work,
            place,
            data_dir=data_dir,
            resume=begun,
            jobs=min(how.jobs, pieces),
            quiet=how.quiet,
            command=part.command,
        )
    except (Interrupted, SchedulerError):
        raise
    except TffHealthError as error:
        return str(error)
    return ""


def _results(plan: CollectionPlan, folder: Path, failed: dict[str, str], command: str) -> CollectionResults:
    ended, parts = {}, {}
    for part in plan.parts:
        place = part_folder(folder, part.name)
        if (place / "results.json").exists():
            ended[part.name] = place
        parts[part.name] = PartResult(
            title=part.title,
            question=part.question,
            kind="study" if isinstance(part.work, StudyPlan) else "experiment",
            status="failed" if part.name in failed else "done",
            reason=failed.get(part.name, ""),
            seconds=load_results(place / "results.json").seconds if part.name in ended else None,
            left_out=list(part.left_out),
            command=part.command,
        )
    settings = plan.settings
    return CollectionResults(
        study=settings.study,
        title=settings.title,
        question=settings.question,
        paper=settings.paper,
        parts=parts,
        notes=mixture_note(folder),
        rows=paper_rows(settings.paper, ended) if settings.paper else [],
        environment=describe_environment(),
        command=command,
    )
