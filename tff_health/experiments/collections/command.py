"""What `study` does with a study of parts."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any


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

    settings = load_collection(document, parsed.study, parsed.overrides, quick=parsed.quick)
    plan = plan_collection(settings, parsed.data_dir)
    if parsed.dry_run:
        print(describe_collection(plan))
        return 0

    from tff_health.experiments.collections.folder import check_collection_folder, newest_collection
    from tff_health.experiments.run_folder import default_folder

    out = parsed.out
    if out is None:
        out = newest_collection(settings.study) if parsed.resume else default_folder(settings.study)
    check_collection_folder(out, settings, resume=parsed.resume)
    for part in plan.parts:
        for sentence in part.left_out:
            print(f"{part.name}: {sentence}", file=sys.stderr)

    from tff_health.experiments.collections.run import run_collection

    outcome = run_collection(
        plan,
        out,
        data_dir=parsed.data_dir,
        resume=parsed.resume,
        jobs=parsed.jobs or len(os.sched_getaffinity(0)),
        quiet=parsed.quiet,
        command=command,
    )
    for name, reason in outcome.failed.items():
        print(f"error: part {name} failed: {' '.join(reason.split())}", file=sys.stderr)
    done = len(plan.parts) - len(outcome.failed)
    print(f"{done} of {len(plan.parts)} parts done, {outcome.seconds:.0f} s.")
    print(f"Report: {outcome.report}")
    return 1 if outcome.failed else 0
