"""What `study` does with a study of parts."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from tff_health.experiments.arguments import complain


def run_collection_command(parsed: argparse.Namespace, document: Any, command: str) -> int:
    """Plans the parts and runs them; the exit code.

    Args:
        parsed: as the parser of `study` gives it.
        document: the study's parsed TOML.
        command: that makes it again, for the report.

    Raises:
        TffHealthError: settings that are not accepted, an unusable folder, an interruption.
    """
    from tff_health.experiments.collections.loading import load_collection
    from tff_health.experiments.collections.plan import describe_collection, plan_collection
    from tff_health.experiments.estimate import estimate_sentence

    settings = load_collection(document, parsed.study, parsed.overrides, quick=parsed.quick)
    plan = plan_collection(settings, parsed.data_dir)
    wanted = parsed.jobs or len(os.sched_getaffinity(0))
    estimate = estimate_sentence(sum(part.seconds for part in plan.parts), wanted)
    if parsed.dry_run:
        print(describe_collection(plan))
        print(estimate)
        return 0
    if parsed.scheduler is not None:
        from tff_health.experiments.studies.dask_cells import find_slots

        find_slots(parsed.scheduler)
    elif not parsed.quiet:
        print(estimate, file=sys.stderr)

    from tff_health.experiments.collections.folder import COLLECTION_FILE, check_collection_folder
    from tff_health.experiments.run_folder import default_folder, newest_folder

    out = parsed.out
    if out is None:
        out = newest_folder(settings.study, COLLECTION_FILE) if parsed.resume else default_folder(settings.study)
    check_collection_folder(out, plan, resume=parsed.resume, mixed_code=parsed.mixed_code)
    for part in plan.parts:
        for sentence in part.left_out:
            print(f"{part.name}: {sentence}", file=sys.stderr)

    from tff_health.experiments.collections.run import run_collection

    outcome = run_collection(
        plan,
        out,
        data_dir=parsed.data_dir,
        resume=parsed.resume,
        mixed_code=parsed.mixed_code,
        jobs=wanted,
        memory=parsed.memory,
        scheduler=parsed.scheduler,
        quiet=parsed.quiet,
        command=command,
    )
    for name, reason in outcome.failed.items():
        complain(f"part {name} failed: {reason}")
    done = len(plan.parts) - len(outcome.failed)
    print(f"{done} of {len(plan.parts)} parts done, {outcome.seconds:.0f} s.")
    print(f"Report: {outcome.report}")
    return 1 if outcome.failed else 0
