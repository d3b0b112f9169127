"""Cells wait for memory: what they take is measured, and what fits follows from it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from small_experiment import run
from small_study import TINY, write_study

from tff_health.experiments.studies.memory import CellMemory

# A process with a child; each fills a hundred MiB.
_HUNGRY = """
import subprocess, sys, time
held = b"x" * (100 * 2**20)
child = subprocess.Popen([sys.executable, "-c", "held = b'x' * (100 * 2**20); input()"], stdin=subprocess.PIPE)
print("ready", flush=True)
input()
"""


def test_a_cell_is_measured_with_its_descendants():
    with subprocess.Popen(
        [sys.executable, "-c", _HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        memory = CellMemory(100)
        memory.watch(process.pid)
        process.communicate("\n", timeout=20)
    memory.watch(process.pid)  # it has ended
    assert 0.2 < memory.peak(process.pid) < 0.4
    assert memory.peak(process.pid) == 0


@pytest.mark.parametrize(
    ("limit", "running", "fits"), [(4.0, 0, True), (4.0, 1, True), (4.0, 2, False), (0.1, 0, True)]
)
def test_as_many_fit_as_the_largest_allows(limit: float, running: int, fits: bool):
    memory = CellMemory(limit)
    memory.largest = 2.0
    assert memory.has_room(running) == fits


def test_without_a_limit_it_is_what_is_free():
    assert 0 < CellMemory().limit < 10_000


@pytest.mark.slow
def test_a_study_ends_within_any_limit(tmp_path):
    path = write_study(tmp_path, TINY)
    done = run("study", str(path), "--out", str(tmp_path / "out"), "--jobs", "2", "--memory", "0.5")
    assert done.returncode == 0, done.stderr
    refused = run("study", str(path), "--out", str(tmp_path / "other"), "--memory", "none")
    assert refused.returncode == 2
    assert "GiB above 0" in refused.stderr
