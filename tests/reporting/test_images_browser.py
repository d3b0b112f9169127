"""The section on synthetic images as a reader sees it: in headless Chromium, on a desk and on a phone."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_reporting_browser import CONTRAST, PICTURES, browser  # noqa: F401 - the fixture


@pytest.fixture
def page(browser: Any, images_reported: Path) -> Iterator[Any]:  # noqa: F811 - the imported fixture
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text))
    opened.on("requestfailed", lambda request: opened.problems.append(request.url[:80]))
    opened.goto((images_reported / "report.html").as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_on_images_fits_and_wide_tables_scroll(page: Any, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(
        "Array.from(document.querySelectorAll('table'), one => one.closest('.scroll')?.tabIndex === 0).every(Boolean)"
    )
    assert page.problems == []


def test_text_on_images_is_readable_and_headings_do_not_skip(page: Any):
    found = page.evaluate(CONTRAST)
    assert found["seen"] > 500
    assert found["poor"] == []
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_contents_lead_to_the_images_and_the_pictures_are_seen(page: Any):
    page.locator("nav a", has_text="Synthetic images").click()
    assert page.evaluate("location.hash") == "#dataset-1-images"
    widths = page.evaluate(PICTURES)
    assert len(widths) == 10
    assert min(widths) > 100
    # X-rays are grey from black to white: what a reader sees is neither blank nor of one tone.
    shown = page.locator("#dataset-1-images figure img").first.screenshot(timeout=120_000)
    grey = np.asarray(Image.open(io.BytesIO(shown)).convert("L"))
    counts = np.histogram(grey, bins=8, range=(0, 256))[0]
    assert (counts > 0.01 * grey.size).all(), counts
