"""A process that runs one dataset of an experiment and tells its parent what happens (see `pool`)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.events import JsonLines
from tff_health.experiments.run_folder import read_settings, result_file
from tff_health.runtime.quiet import silence_tensorflow


def main(words: list[str]) -> int:
    """Runs `FOLDER DATASET [DATA_DIR]`; events go to standard output, whatever else is printed to standard error."""
    # Libraries print; a stray line among the events would break them.
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    listener = JsonLines(events)
    silence_tensorflow()
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    from tff_health.experiments.dataset_run import run_dataset
    from tff_health.reporting.atomic import write_atomically
    from tff_health.runtime.signals import interruptible

    folder, name = Path(words[0]), words[1]
    try:
        with interruptible() as guard:
            result = run_dataset(
                read_settings(folder),
                name,
                folder,
                listener,
                guard,
                data_dir=Path(words[2]) if len(words) > 2 else None,
            )
            write_atomically(result_file(folder, name), result.model_dump_json(by_alias=True).encode())
    except TffHealthError as error:
        listener.failed(str(error), error.exit_code)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
