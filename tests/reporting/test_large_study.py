"""The report of a study of 200 cells as a reader sees it: small, quiet, readable and sortable, in headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from accessibility import faults
from large_study import DATASETS, SEEDS, make_large_study
from report_text import plain, section
from test_reporting_browser import PICTURES, browser  # noqa: F401 - the fixture

from tff_health.reporting.results import load_results

pytestmark = pytest.mark.slow
CELLS = len(DATASETS) * SEEDS
LARGEST = 20_000_000


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_large_study(tmp_path_factory.mktemp("large") / "study")


@pytest.fixture(scope="module")
def text(report: Path) -> str:
    return report.read_text("utf-8")


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:  # noqa: F811 - the imported fixture
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("requestfailed", lambda request: opened.problems.append(request.url[:80]))
    opened.goto(report.as_uri())
    yield opened
    opened.close()


def test_it_speaks_of_all_cells_and_stays_small(report: Path, text: str):
    assert CELLS == 200
    assert report.stat().st_size < LARGEST
    results = load_results(report.parent / "results.json")
    assert {name: len(seeds) for name, seeds in results.seeds.items()} == dict.fromkeys(DATASETS, SEEDS)  # type: ignore[arg-type]
    auc = results.datasets["alpha_0_3"].arms["fedyogi"].metric("test/auc")
    assert len(auc.seeds) == SEEDS
    assert f"{auc.value:.3f}" in plain(section(text, "dataset-3"))
    assert f"means over {SEEDS} cells, seeds 1 to {SEEDS}:" in plain(text)
    assert "could not be drawn" not in text


def test_every_cell_s_report_can_be_opened(report: Path, text: str):
    links = [unescape(one) for one in re.findall(r'<a href="(cells/[^"]+)"', text)]
    assert len(set(links)) == CELLS
    assert all((report.parent / link).exists() for link in links)


def test_nothing_fails_and_every_picture_shows(page: Any):
    assert page.problems == []
    widths = page.evaluate(PICTURES)
    assert len(widths) >= 7 * len(DATASETS)
    assert min(widths) > 100


def test_it_leaves_nobody_out(page: Any):
    assert faults(page) == []
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_cells_are_folded_and_sort(page: Any):
    table = page.locator("[aria-label='Cells of the study'] table")
    assert not table.is_visible()
    page.locator("#cells summary").click()
    assert table.locator("tbody tr").count() == CELLS
    printed = table.locator("tbody tr").all_inner_texts()

    def column(place: int) -> list[str]:
        return table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()

    table.get_by_role("button", name="Seed").click()
    assert [int(seed) for seed in column(2)] == sorted(list(range(1, SEEDS + 1)) * len(DATASETS))
    memory = table.get_by_role("button", name="Memory at most")
    memory.click()
    memory.click()
    found = [float(one.split()[0]) for one in column(5)]
    assert found == sorted(found, reverse=True)
    assert table.locator("th[aria-sort]").all_inner_texts() == ["Memory at most"]
    memory.click()
    assert table.locator("tbody tr").all_inner_texts() == printed


def test_arms_sort_by_what_they_reach(page: Any):
    table = page.locator("[aria-label^='Arms of'] table").first
    table.get_by_role("button", name="AUC").click()
    found = [float(one.split()[0]) for one in table.locator("tbody tr > :nth-child(3)").all_inner_texts()]
    assert len(found) == 13
    assert found == sorted(found)
    table.get_by_role("button", name="Arm").click()
    names = table.locator("tbody th").all_inner_texts()
    epsilons = [float(name.rsplit(" ", 1)[1]) for name in names if "epsilon" in name]
    assert epsilons == [0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0]
