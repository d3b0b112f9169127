"""A process that runs one cell of a study: an ordinary run, whose end it tells its parent (see `cell_pool`)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.run_folder import SETTINGS_FILE
from tff_health.experiments.settings import ExperimentSettings


def main(words: list[str]) -> int:
    """Takes `FOLDER [DATA_DIR]` as arguments and the run's settings as JSON on standard input.

    One line of JSON on standard output says how it ended; whatever else is printed goes to standard error.
    """
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    settings = ExperimentSettings.model_validate_json(sys.stdin.read())
    folder, data_dir = Path(words[0]), Path(words[1]) if len(words) > 1 else None
    if os.getcwd() not in sys.path:  # users' own modules, last so that they hide nothing installed
        sys.path.append(os.getcwd())
    resume = (folder / SETTINGS_FILE).exists()
    if folder.exists() and not resume:  # killed while it was made; nothing had begun
        shutil.rmtree(folder)

    from tff_health.experiments.run import run_experiment

    try:
        run_experiment(settings, folder, data_dir=data_dir, resume=resume, quiet=True)
    except TffHealthError as error:
        print(json.dumps({"failed": str(error)}), file=answer, flush=True)
        return error.exit_code
    print(json.dumps({"failed": None}), file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
