"""A small experiment, run as users run it: by a command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SMALL = """
experiment = "small"
title = "A small experiment"
question = "Does it run?"
rounds = 3
repeats = 2
folds = 2
bootstrap = 20
{top}
[datasets.paper_mock]
options = {{ hospitals = 3, rows = 40, held_out = 2, held_out_rows = 40 }}
preprocessing = {{ scaling = "none" }}
[datasets.paper_mock.arms.paper-listing]
method = "paper-listing"
client_learning_rate = 0.5
[datasets.paper_mock.arms.fedavg]
method = "fedavg"
client_learning_rate = 0.5
local_epochs = [1, 5]
[datasets.paper_mock.arms.fedyogi]
method = "fedyogi"
client_learning_rate = 0.5
[datasets.paper_mock.arms.alone]
method = "alone"
client_learning_rate = 0.5
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "run_experiments.py"), *arguments]


def run(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command line and waits; environment variables of the tests' own machine are not passed on."""
    clean = {key: value for key, value in os.environ.items() if key != "TFF_HEALTH_DATA"}
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd or ROOT,
        env=clean | (env or {}),
        check=False,
    )
