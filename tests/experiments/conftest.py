"""Runs of the small experiment that several files share."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_experiment import SMALL, run


@pytest.fixture(scope="session")
def small_experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TOML file as a user would write it."""
    path = tmp_path_factory.mktemp("settings") / "small.toml"
    path.write_text(SMALL.format(top=""), "utf-8")
    return path


@pytest.fixture(scope="session")
def finished_run(small_experiment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run of the small experiment."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    done = run("run", str(small_experiment), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder
