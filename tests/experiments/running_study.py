"""Studies under way in a process of their own, and what they leave but for times."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from small_experiment import ROOT, command

from tff_health.reporting.results import Results, load_results


def timeless(folder: Path) -> Results:
    results = load_results(folder / "results.json")
    results.seconds, results.started, results.environment, results.command = None, "", {}, ""
    for dataset in results.datasets.values():
        for arm in dataset.arms.values():
            arm.cost = {}
    return results


def start(path: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    words = command("study", str(path), "--out", str(folder), *more)
    return subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_until(process: subprocess.Popen[str], reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 250
    while not reached():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
