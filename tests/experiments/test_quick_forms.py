"""The quick form of every study that ships, offline and to its end, as a user would try it."""

from __future__ import annotations

import subprocess
from html import unescape
from pathlib import Path

import pytest
from small_experiment import ROOT, command

from tff_health.experiments.collections.settings import is_collection
from tff_health.experiments.studies.loading import read_study_document, studies
from tff_health.reporting.collections.document import load_collection_results
from tff_health.reporting.results import load_results

STUDIES = {
    "privacy-utility": {"breast_cancer"},
    "aggregators": {"breast_cancer"},
    "heterogeneity": {"iid", "one_class"},
    "scale": {"hospitals_5", "hospitals_100"},
}
PAPERS = {"paper-1": ("P1", 10), "paper-2": ("P2", 9)}
ELSEWHERE = {"paper-figure-10", "table"}  # a part of paper-1; docs/extending/hospitals.md, which a test follows


def quick(name: str, folder: Path) -> None:
    # A data folder without files: nothing that happens to lie here is used.
    words = command("study", name, "--quick", "--out", str(folder / "out"), "--data-dir", str(folder))
    done = subprocess.run(words, capture_output=True, text=True, timeout=850, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "out" / "report.html").exists()


def test_every_study_that_ships_is_run_here_or_elsewhere():
    assert set(studies()) == {*STUDIES, *PAPERS, *ELSEWHERE}


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_cells(name: str, tmp_path: Path):
    quick(name, tmp_path)
    assert not is_collection(read_study_document(name))
    results = load_results(tmp_path / "out" / "results.json")
    assert set(results.datasets) == STUDIES[name]
    for dataset in results.datasets.values():
        assert {len(arm.metric("test/auc").seeds) for arm in dataset.arms.values()} == {2}
        assert dataset.comparisons
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert name != "privacy-utility" or "breast_cancer-privacy-utility.svg" in figures


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPERS)
def test_a_paper(name: str, tmp_path: Path):
    paper, rows = PAPERS[name]
    quick(name, tmp_path)
    results = load_collection_results(tmp_path / "out" / "results.json")
    assert {part.status for part in results.parts.values()} == {"done"}
    assert [row.row for row in results.rows] == [f"{paper}.{number}" for number in range(1, rows + 1)]
    page = unescape((tmp_path / "out" / "report.html").read_text("utf-8"))
    for row in results.rows:
        assert row.title in page
    for part in results.parts:
        assert (tmp_path / "out" / "parts" / part / "report.html").exists()
