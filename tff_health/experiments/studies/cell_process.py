"""A process that runs one cell of a study: an ordinary run, whose end it tells its parent (see `running_cell`)."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.apart.arguments import add_apart_arguments, hospitals_of
from tff_health.experiments.run_folder import SETTINGS_FILE
from tff_health.experiments.settings import ExperimentSettings
from tff_health.experiments.studies.cell_lock import alone
from tff_health.experiments.studies.code_record import StudyCode, check_same_code

# Seconds to wait for a process that writes the same cell. On one machine it has been told to end; another machine
# may have to notice first that it was cut off, and a file server that it is dead.
_HERE, _ELSEWHERE = 20.0, 600.0


def main(words: list[str]) -> int:
    """Takes the cell's folder and options as arguments and the run's settings as JSON on standard input.

    One line of JSON on standard output says how it ended; whatever else is printed goes to standard error.
    """
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    parsed = _parser().parse_args(words)
    settings = ExperimentSettings.model_validate_json(sys.stdin.read())
    if os.getcwd() not in sys.path:  # users' own modules, last so that they hide nothing installed
        sys.path.append(os.getcwd())
    try:
        if parsed.code is not None:
            check_same_code(StudyCode(parsed.code, tuple(parsed.module)))
        with alone(parsed.lock, _HERE if parsed.code is None else _ELSEWHERE, needed=parsed.code is not None):
            _run(settings, parsed)
    except TffHealthError as error:
        print(json.dumps({"failed": str(error)}), file=answer, flush=True)
        return error.exit_code
    print(json.dumps({"failed": None}), file=answer, flush=True)
    return 0


def _run(settings: ExperimentSettings, parsed: argparse.Namespace) -> None:
    folder = parsed.folder
    resume = (folder / SETTINGS_FILE).exists()
    if folder.exists() and not resume:  # killed while it was made; nothing had begun
        shutil.rmtree(folder)

    from tff_health.experiments.run import run_experiment

    with hospitals_of(parsed, settings) as hospitals:
        run_experiment(settings, folder, data_dir=parsed.data_dir, resume=resume, quiet=True, hospitals=hospitals)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    add_apart_arguments(parser)
    parser.add_argument("--code", help="digest of the only code that may run; none: whatever lies here")
    parser.add_argument("--module", action="append", default=[], help="of the user, part of the code")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
