"""A study that is killed again and again, at moments nobody chose, ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from running_study import start
from small_experiment import run
from small_study import TINY, write_study

_KILLS = 10
_LATEST = 12.0  # seconds after a start; a cell takes about as long


def timeless_bytes(folder: Path) -> bytes:
    """results.json without times and environment, every other byte as it stands."""
    document = json.loads((folder / "results.json").read_text("utf-8"))
    for key in ("seconds", "started", "environment", "command"):
        del document[key]
    for dataset in document["datasets"].values():
        for arm in dataset["arms"].values():
            del arm["cost"]
    return json.dumps(document, ensure_ascii=False).encode()


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path: Path):
    study = write_study(tmp_path, TINY.replace("seeds = [1, 2]", "seeds = [1, 2, 3]"))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = run("study", str(study), "--out", str(whole), "--jobs", "2")
    assert done.returncode == 0, done.stderr

    moments = [random.uniform(0.2, _LATEST) for _ in range(_KILLS)]
    print("killed after (seconds):", ", ".join(f"{moment:.2f}" for moment in moments))
    cut_short = 0
    for moment in moments:
        more = ["--resume"] if (killed / "study.toml").exists() else []
        process = start(study, killed, "--jobs", "2", *more)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            cut_short += 1
            children = psutil.Process(process.pid).children(recursive=True)
            os.kill(process.pid, signal.SIGKILL)
            _, alive = psutil.wait_procs(children, timeout=10)
            assert not alive
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors
        if (killed / "results.json").exists():  # whole or not there, whenever the kill came
            assert timeless_bytes(killed) == timeless_bytes(whole)
    assert cut_short >= _KILLS // 2

    done = run("study", str(study), "--out", str(killed), "--resume", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert timeless_bytes(killed) == timeless_bytes(whole)
    assert (killed / "summary.csv").read_bytes() == (whole / "summary.csv").read_bytes()
    for cell in sorted((whole / "cells").iterdir()):
        assert timeless_bytes(killed / "cells" / cell.name) == timeless_bytes(cell), cell.name
