"""The report as a reader sees it: in headless Chromium, on a desk, on a phone and in print."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# Text against the nearest painted background, as WCAG 2.1 computes it; returns what falls short of AA.
CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const background = node => {
    for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const seen = [], poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(background(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen.push(ratio);
    if (ratio < 4.5) poor.push(`${walker.currentNode.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return {seen: seen.length, poor};
}"""

# Widths of all pictures, those out of sight too.
PICTURES = """() => Promise.all(Array.from(document.images, async (image) => {
  image.loading = 'eager';
  await image.decode();
  return image.naturalWidth;
}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: .ci/run must install it")
        pytest.skip("Chromium is not installed, so the report is not looked at in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, reported: Path) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.problems = []
    opened.requests = []
    opened.on("console", lambda message: opened.problems.append(message.text))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("requestfailed", lambda request: opened.problems.append(request.url[:80]))
    opened.on("request", lambda request: opened.requests.append(request.url[:80]))
    opened.goto((reported / "report.html").as_uri())
    yield opened
    opened.close()


def test_nothing_fails_and_nothing_leaves_the_file(page: Any):
    assert page.problems == []
    outside = [url for url in page.requests if not url.startswith("data:")]
    assert len(outside) == 1
    assert outside[0].startswith("file:")


def test_every_picture_shows(page: Any):
    widths = page.evaluate(PICTURES)
    assert len(widths) > 20
    assert min(widths) > 100


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_the_page_does_not_overflow(page: Any, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than the page scrolls in a box of its own, which the keyboard reaches.
    assert page.evaluate(
        "Array.from(document.querySelectorAll('table'), one => one.closest('.scroll')?.tabIndex === 0).every(Boolean)"
    )


def test_text_has_the_contrast_of_wcag_aa(page: Any):
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = page.evaluate(CONTRAST)
    assert found["seen"] > 500
    assert found["poor"] == []


def test_contents_lead_to_sections_and_headings_do_not_skip(page: Any):
    targets = page.evaluate("Array.from(document.querySelectorAll('nav a'), a => a.getAttribute('href').slice(1))")
    assert len(targets) >= 8
    assert page.evaluate("ids => ids.every(id => document.getElementById(id))", targets)
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_pictures_out_of_sight_wait_and_move_nothing(page: Any):
    before = page.evaluate("document.documentElement.scrollHeight")
    assert page.evaluate("Array.from(document.images).some(image => !image.complete)")
    page.evaluate(PICTURES)
    moved = page.evaluate("document.documentElement.scrollHeight") - before
    assert abs(moved) <= page.evaluate("document.images.length")  # sizes are kept in whole pixels


def test_report_prints_with_what_is_folded_away(page: Any, tmp_path: Path):
    page.emulate_media(media="print")
    hidden = page.evaluate("getComputedStyle(document.querySelector('nav')).display")
    assert hidden == "none"
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") > 5
    assert len(content) > 100_000
    # Pictures that were never in sight are printed too.
    page.evaluate(PICTURES)
    page.pdf(path=tmp_path / "seen.pdf", format="A4")
    assert (tmp_path / "seen.pdf").stat().st_size == pytest.approx(len(content), rel=0.01)


def test_privacy_opens_with_its_table_and_folds_details(page: Any):
    first = page.locator("#privacy h3", has_text="UCI Heart").evaluate("node => node.nextElementSibling.className")
    assert first == "scroll"
    table = page.locator("[aria-label='Privacy of UCI Heart Disease, four hospitals'] table")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == 9
    assert table.get_by_text("simulated: NOT SECURE").count() == 3
    assert page.locator("#privacy details[open]").count() == 0
    noise = page.locator("#privacy").get_by_text("noise multiplier").first
    assert not noise.is_visible()
    page.locator("#privacy summary").first.click()
    assert noise.is_visible()
    assert page.locator("#privacy dt", has_text="Adjacency").first.is_visible()
    assert page.locator("#privacy figure img").count() == 4
    page.locator("section a", has_text="Privacy").first.click()
    assert page.evaluate("location.hash").startswith("#privacy-")
