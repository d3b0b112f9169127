"""The page of a study of parts: a paper's rows from what parts measured, links, and odd names; in Chromium too."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from test_reporting_browser import CONTRAST, browser  # noqa: F401 - the fixture

from tff_health.reporting.atomic import ReportError
from tff_health.reporting.collections.document import (
    CollectionResults,
    Finding,
    PartResult,
    Place,
    load_collection_results,
    save_collection,
)
from tff_health.reporting.collections.report import make_collection_report
from tff_health.reporting.collections.rows import paper_rows
from tff_health.reporting.results import Results, load_results

SLOW_FIXTURES = ("collected",)
PARTS = ("five-round", "tables", "x-rays")
ODD = '<script>alert("x")</script> & 日本'


def part(title: str, **more: Any) -> PartResult:
    return PartResult(**{"title": title, "kind": "experiment", "status": "done", "seconds": 60.0, **more})


@pytest.fixture(scope="module")
def collected(
    reported: Path, synthesis_reported: Path, images_reported: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("collected")
    for name, source in zip(PARTS, (reported, synthesis_reported, images_reported), strict=True):
        shutil.copytree(source, folder / "parts" / name)
    rows = [row for paper in ("P1", "P2") for row in paper_rows(paper, {n: folder / "parts" / n for n in PARTS})]  # type: ignore[arg-type]
    parts = {name: part(name) for name in PARTS}
    parts["broken"] = part(ODD, status="failed", reason=f"hospital {ODD}: no rows", left_out=[f"{ODD} was left out"])
    results = CollectionResults(
        study="both", title="Both papers", question=f"What of {ODD}?", paper="P2", parts=parts, rows=rows, notes=[ODD]
    )
    save_collection(results, folder / "results.json")
    make_collection_report(folder)
    return folder


def rows(collected: Path) -> dict[str, list[Finding]]:
    return {row.row: row.findings for row in load_collection_results(collected / "results.json").rows}


def measured(collected: Path, name: str) -> Results:
    return load_results(collected / "parts" / name / "results.json")


def test_every_row_of_both_papers_stands_in_order(collected: Path):
    assert list(rows(collected)) == [*(f"P1.{k}" for k in range(1, 11)), *(f"P2.{k}" for k in range(1, 10))]


def test_values_are_those_of_the_parts(collected: Path):
    found = rows(collected)
    mock = measured(collected, "five-round").datasets["paper_mock"]
    accuracy = next(one for one in found["P1.1"] if one.what == "accuracy after round 5")
    assert accuracy.theirs == "0.60"
    listing = mock.arms["paper-listing"]
    assert f"{listing.title} {listing.at_round(5, 'test/accuracy').value:.3f}" in accuracy.ours
    table, *_ = measured(collected, "tables").datasets.values()
    ctgan = table.arms["ctgan"]
    assert f"accuracy {ctgan.metric('tstr/mean/accuracy').value:.3f}" in found["P2.1"][0].ours
    assert f"AUC {ctgan.metric('augmented/mean/auc').value:.3f}" in found["P1.7"][0].ours
    assert found["P2.1"][0].places[0] == Place(
        part="tables", anchor="dataset-1-synthesis", words=f"tables: {table.title}"
    )
    (rays,) = measured(collected, "x-rays").datasets.values()
    dcgan = rays.arms["dcgan"]
    cnn = next(one for one in found["P2.8"] if "cnn" in one.what)
    assert cnn.ours.startswith(f"{dcgan.metric('tstr/cnn/auc').value:.3f}")
    assert f"{dcgan.metric(f'diversity/{rays.images.classes[0]}/ssim_synthetic').value:.3f}" in found["P2.7"][0].ours  # type: ignore[union-attr]


def test_private_arms_stand_with_their_epsilon(collected: Path):
    found = rows(collected)
    assert "epsilon" in found["P1.3"][0].ours
    assert "NOT SECURE" in found["P1.4"][0].ours
    assert re.search(r"epsilon 1: AUC 0\.\d{3}", found["P2.2"][0].ours)
    assert re.search(r"epsilon \d+: AUC 0\.\d{3}", found["P2.6"][0].ours)


def test_figures_are_found_where_they_were_drawn(collected: Path):
    figures = {one.what.split(",")[0]: one for row in ("P1.9", "P2.9") for one in rows(collected)[row]}
    for name in ("Fig. 6", "Fig. 7", "Fig. 9", "Fig. 13", "Fig. 15", "Fig. 16", "Figs. 10 and 11", "Fig. 12"):
        assert figures[name].places, name
        for place in figures[name].places:
            page = (collected / "parts" / place.part / "report.html").read_text("utf-8")
            assert f'id="{place.anchor}"' in page
    assert figures["Fig. 13"].places[0].part == "tables"
    assert figures["Figs. 10 and 11"].places[0].part == "x-rays"


def test_every_link_leads_somewhere_and_odd_names_are_text(collected: Path):
    page = (collected / "report.html").read_text("utf-8")
    for link in {unescape(one) for one in re.findall(r'<a href="([^"]+)"', page)}:
        target, _, anchor = link.partition("#")
        text = (collected / target).read_text("utf-8") if target else page
        assert not anchor or f'id="{anchor}"' in text, link
    assert page.count("<script") == 1  # the page's own
    assert unescape(page).count(ODD) == 5  # question, note, title, reason, left out


def test_a_part_of_an_edited_file_leads_nowhere_outside(collected: Path, tmp_path: Path):
    results = load_collection_results(collected / "results.json")
    results.parts["../five-round"] = part("Elsewhere")
    save_collection(results, tmp_path / "results.json")
    make_collection_report(tmp_path)
    assert 'href="parts/' not in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("text", [None, "{", '{"schema": "tff_health.results/1"}'])
def test_what_is_no_collection_is_refused(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / "results.json").write_text(text, "utf-8")
    with pytest.raises(ReportError):
        make_collection_report(tmp_path)


@pytest.fixture
def page(browser: Any, collected: Path) -> Iterator[Any]:  # noqa: F811 - the imported fixture
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text))
    opened.goto((collected / "report.html").as_uri())
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_is_readable(page: Any, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = page.evaluate(CONTRAST)
    assert found["seen"] > 200
    assert found["poor"] == []
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.problems == []


def test_a_link_opens_the_part_at_the_figure(page: Any):
    page.locator("#rows a", has_text="x-rays").first.click()
    assert page.url.endswith("parts/x-rays/report.html#dataset-1-images")
    assert page.locator("#dataset-1-images").is_visible()
