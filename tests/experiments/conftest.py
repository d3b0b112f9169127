"""Runs of the small experiment and the small study that several files share."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_experiment import SMALL, run
from small_study import TINY, write_study


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


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's TOML file."""
    return write_study(tmp_path_factory.mktemp("tiny"), TINY)


@pytest.fixture(scope="module")
def finished(tiny: Path) -> Path:
    """The folder of an undisturbed run of that study on this machine; each file of tests has its own."""
    folder = tiny.parent / "whole"
    done = run("study", str(tiny), "--out", str(folder), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 cells done" in done.stdout
    return folder
