"""What a browser makes of a report: messages, dialogues, and what sticks out at the side."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Elements that the page does not hold, and cells whose text runs into the next one.
_OUTSIDE = """width => Array.from(document.querySelectorAll('body *'))
  .filter(one => one.getBoundingClientRect().right > width + 1 && !one.closest('.scroll') && !one.closest('pre'))
  .map(one => `${one.tagName} ${one.textContent.slice(0, 60)}`)"""
_CUT = """() => Array.from(document.querySelectorAll('th, td'))
  .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent.slice(0, 60))"""


def look_at(report: Path, *widths: int) -> list[str]:
    """Opens a report at each width, with everything unfolded, and says what is wrong with it."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: .ci/run must install it")
        pytest.skip("Chromium is not installed, so the report is not looked at in a browser")
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(f"dialogue: {dialog.message}"), dialog.dismiss()))
        page.on("requestfailed", lambda request: problems.append(request.url[:80]))
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(report.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            if page.evaluate("document.documentElement.scrollWidth") > width:
                problems.append(f"the page is wider than {width}")
            problems += page.evaluate(_OUTSIDE, width) + page.evaluate(_CUT)
        browser.close()
    return problems
