from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from images_example import write_images_run
from reporting_example import write_run
from synthesis_example import write_synthesis_run

from tff_health.reporting.record import Run, load_run
from tff_health.reporting.report import make_report
from tff_health.reporting.results import DatasetResult


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with the paper's data and real hospitals, to be read only."""
    folder = tmp_path_factory.mktemp("runs") / "five-round"
    write_run(folder)
    return folder


@pytest.fixture(scope="session")
def reported(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its report, to be read only."""
    folder = tmp_path_factory.mktemp("reported") / "five-round"
    shutil.copytree(example, folder)
    assert make_report(folder) == folder / "report.html"
    return folder


@pytest.fixture(scope="session")
def synthesis_reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that made synthetic patients, with its report, to be read only."""
    folder = tmp_path_factory.mktemp("synthesis") / "ctgan"
    write_synthesis_run(folder)
    make_report(folder)
    return folder


@pytest.fixture(scope="session")
def images_reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that made synthetic images, with its report, to be read only."""
    folder = tmp_path_factory.mktemp("images") / "dcgan"
    write_images_run(folder)
    make_report(folder)
    return folder


@pytest.fixture
def plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without figures, for tests of their words."""
    monkeypatch.setattr("tff_health.reporting.figures.drawing.registered_figures", list)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that made synthetic patients, which a test may change."""
    write_synthesis_run(tmp_path)
    return load_run(tmp_path)


@pytest.fixture
def heart(run: Run) -> DatasetResult:
    """Its dataset with all arms."""
    return run.results.datasets["heart_disease"]


@pytest.fixture
def run_folder(example: Path, tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return Path(shutil.copytree(example, tmp_path / "run"))
