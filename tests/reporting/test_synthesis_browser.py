"""The section on synthetic patients as a reader sees it: in headless Chromium, on a desk and on a phone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_reporting_browser import CONTRAST, PICTURES, browser  # noqa: F401 - the fixture


@pytest.fixture
def page(browser: Any, synthesis_reported: Path) -> Iterator[Any]:  # noqa: F811 - the imported fixture
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text))
    opened.on("requestfailed", lambda request: opened.problems.append(request.url[:80]))
    opened.goto((synthesis_reported / "report.html").as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_wide_tables_scroll(page: Any, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(
        "Array.from(document.querySelectorAll('table'), one => one.closest('.scroll')?.tabIndex === 0).every(Boolean)"
    )
    assert page.problems == []


def test_text_is_readable_and_headings_do_not_skip(page: Any):
    found = page.evaluate(CONTRAST)
    assert found["seen"] > 500
    assert found["poor"] == []
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_contents_lead_to_the_section_and_every_picture_shows(page: Any):
    page.locator("nav a", has_text="Synthetic patients").click()
    assert page.evaluate("location.hash") == "#dataset-1-synthesis"
    widths = page.evaluate(PICTURES)
    assert len(widths) == 8
    assert min(widths) > 100
