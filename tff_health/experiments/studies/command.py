"""The command `study`: many runs and one report."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import SettingsError
from tff_health.experiments.apart.arguments import add_apart_arguments, as_options, is_apart
from tff_health.experiments.arguments import as_typed, check_data_dir, complain, gib, jobs

if TYPE_CHECKING:
    from tff_health.experiments.studies.settings import StudySettings


def add_study_parser(commands: Any) -> None:
    """Adds `study NAME|FILE.toml` to the command line."""
    study = commands.add_parser("study", help="run a study: one experiment over datasets, seeds and swept settings")
    study.add_argument("study", metavar="NAME|FILE.toml")
    study.add_argument(
        "--set", dest="overrides", metavar="KEY=VALUE", action="append", default=[], help="change a setting"
    )
    study.add_argument("--out", type=Path, metavar="DIR", help="study folder (default: a new one in runs/)")
    study.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with data files (or set TFF_HEALTH_DATA)")
    study.add_argument("--resume", action="store_true", help="go on with an interrupted study; failed cells run again")
    study.add_argument(
        "--mixed-code", action="store_true", help="resume although the code has changed; the report says so"
    )
    study.add_argument("--jobs", type=jobs, metavar="N", help="cells that run at a time (default: one a core)")
    study.add_argument(
        "--memory", type=gib, metavar="GIB", help="that all cells may take together (default: most of what is free)"
    )
    study.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run cells on the workers of this Dask scheduler, such as tcp://127.0.0.1:8786; they must share the study "
        "folder's file system",
    )
    add_apart_arguments(study)
    study.add_argument("--dry-run", action="store_true", help="show the cells and their arms, run nothing")
    study.add_argument(
        "--quick", action="store_true", help="two seeds, each sweep's first and last value, four shadow models"
    )
    study.add_argument("--quiet", action="store_true", help="no progress, only the result")
    study.set_defaults(action=_study)


def _study(parsed: argparse.Namespace) -> int:
    from tff_health.experiments.collections.settings import is_collection
    from tff_health.experiments.estimate import estimate_sentence
    from tff_health.experiments.studies.dask_cells import find_slots
    from tff_health.experiments.studies.loading import load_study, read_study_document
    from tff_health.experiments.studies.plan import describe_plan, plan_seconds, plan_study

    check_data_dir(parsed.data_dir)
    document = read_study_document(parsed.study)
    if is_collection(document):
        from tff_health.experiments.collections.command import run_collection_command

        if is_apart(parsed):
            raise SettingsError(
                f"{parsed.study} is a study of parts: run its parts one by one where hospitals are apart (`list` names "
                "studies and presets)."
            )
        return run_collection_command(parsed, document, as_typed(parsed))
    study = load_study(parsed.study, parsed.overrides, quick=parsed.quick)
    slots = parsed.jobs or len(os.sched_getaffinity(0))
    if is_apart(parsed):
        study = _apart(study, parsed)
        slots = 1
    elif study.apart:
        raise SettingsError(
            f"{parsed.study}: `apart = true` is for hospitals that hold their rows themselves, and none are named: add "
            "--hospitals ROSTER or --simulate-hospitals N, or take the line out."
        )
    plan = plan_study(study, parsed.study, parsed.data_dir, whole=parsed.hospitals is not None)
    if parsed.scheduler is not None:
        if parsed.jobs is not None or parsed.memory is not None:
            raise SettingsError(
                "--jobs and --memory are for cells on this machine, --scheduler for those on others, whose workers run "
                "as many cells at a time as they have threads (`dask worker --nthreads N`); leave out one or the other."
            )
        if not parsed.dry_run:
            slots = find_slots(parsed.scheduler)
    wanted = parsed.jobs or min(slots, len(plan.cells))
    estimate = estimate_sentence(plan_seconds(plan), wanted)
    if parsed.dry_run:
        print(describe_plan(plan))
        print(estimate)
        return 0
    if not parsed.quiet:
        print(estimate, file=sys.stderr)

    from tff_health.experiments.run_folder import default_folder, newest_folder
    from tff_health.experiments.studies.folder import STUDY_FILE, check_study_folder

    out = parsed.out
    if out is None:
        out = newest_folder(study.study, STUDY_FILE) if parsed.resume else default_folder(study.study)
    check_study_folder(out, study, resume=parsed.resume, mixed_code=parsed.mixed_code)
    for sentence in plan.left_out:
        print(sentence, file=sys.stderr)

    from tff_health.experiments.studies.run import run_study

    outcome = run_study(
        plan,
        out,
        data_dir=parsed.data_dir,
        resume=parsed.resume,
        mixed_code=parsed.mixed_code,
        jobs=wanted,
        memory=parsed.memory,
        scheduler=parsed.scheduler,
        quiet=parsed.quiet,
        command=as_typed(parsed),
        apart=as_options(parsed),
    )
    for cell, reason in outcome.failed.items():
        complain(f"cell {cell} failed: {reason}")
    done = len(plan.cells) - len(outcome.failed)
    print(f"{done} of {len(plan.cells)} cells done, {outcome.seconds:.0f} s.")
    if outcome.report:
        print(f"Report: {outcome.report}")
    return 1 if outcome.failed else 0


def _apart(study: StudySettings, parsed: argparse.Namespace) -> StudySettings:
    """The study as hospitals that are apart run it: cell by cell, as all cells ask the same ones."""
    if parsed.scheduler is not None or parsed.jobs not in (None, 1):
        raise SettingsError(
            "--scheduler and --jobs are for cells that run side by side; where hospitals are apart all cells ask the "
            "same ones, one after another: leave them out."
        )
    return study.model_copy(update={"apart": True})
