"""A process that runs units of an experiment one after another and tells its parent what happens (see `pool`)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.events import JsonLines
from tff_health.experiments.run_folder import read_settings
from tff_health.experiments.units import Unit
from tff_health.runtime.quiet import silence_tensorflow


def main(words: list[str]) -> int:
    """Takes `FOLDER [DATA_DIR]` as arguments and units as lines of standard input, JSON lists, until it ends.

    Events go to standard output, whatever else is printed to standard error.
    """
    # Libraries print; a stray line among the events would break them.
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    listener = JsonLines(events)
    silence_tensorflow()
    from tff_health.experiments.kinds import run_unit
    from tff_health.runtime.signals import interruptible

    folder, data_dir = Path(words[0]), Path(words[1]) if len(words) > 1 else None
    try:
        with interruptible() as guard:
            settings = read_settings(folder)
            for line in sys.stdin:
                run_unit(settings, Unit(*json.loads(line)), folder, listener, guard, data_dir=data_dir)
                listener.done()
    except TffHealthError as error:
        listener.failed(str(error), error.exit_code)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
