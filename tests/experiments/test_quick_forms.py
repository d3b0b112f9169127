"""The quick form of every study that ships, offline and to its end, as a user would try it."""

from __future__ import annotations

from pathlib import Path

import pytest
from quick_study import check_every_row, quick_study

from tff_health.experiments.collections.settings import is_collection
from tff_health.experiments.studies.loading import read_study_document, studies
from tff_health.reporting.results import load_results

STUDIES = {
    "privacy-utility": {"breast_cancer"},
    "aggregators": {"breast_cancer"},
    "heterogeneity": {"iid", "one_class"},
    "scale": {"hospitals_5", "hospitals_100"},
}
# A part of paper-1; test_paper_2.py; docs/extending/hospitals.md, which a test follows.
ELSEWHERE = {"paper-figure-10", "paper-2", "table"}


def test_every_study_that_ships_is_run_here_or_elsewhere():
    assert set(studies()) == {*STUDIES, "paper-1", *ELSEWHERE}


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_cells(name: str, tmp_path: Path):
    out = quick_study(name, tmp_path)
    assert not is_collection(read_study_document(name))
    results = load_results(out / "results.json")
    assert set(results.datasets) == STUDIES[name]
    for dataset in results.datasets.values():
        assert {len(arm.metric("test/auc").seeds) for arm in dataset.arms.values()} == {2}
        assert dataset.comparisons
    figures = {path.name for path in (out / "figures").iterdir()}
    assert name != "privacy-utility" or "breast_cancer-privacy-utility.svg" in figures


@pytest.mark.slow
def test_paper_1(tmp_path: Path):
    check_every_row(quick_study("paper-1", tmp_path), "P1", 10)
