"""Every kind of report for readers who do not see it, see it weakly or use no mouse; in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import faults
from test_collection_report import collected  # noqa: F401 - the fixture
from test_reporting_browser import browser  # noqa: F401 - the fixture

BROKEN = """<!DOCTYPE html><html><head><title> </title></head><body>
<h1>One</h1><h3 id="twice">Three</h3><img src="data:,"><svg></svg><a href="#nowhere">there</a><a href="x"> </a>
<p id="twice" style="color: #aaa">pale</p><div tabindex="0"></div><nav></nav>
<table><tr><th>a</th></tr></table></body></html>"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:  # noqa: F811 - the imported fixture
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "report",
    [
        "reported",
        "synthesis_reported",
        "images_reported",
        pytest.param("collected", marks=pytest.mark.slow),
    ],
)
def test_a_report_leaves_nobody_out(page: Any, report: str, request: pytest.FixtureRequest):
    folder: Path = request.getfixturevalue(report)
    page.goto((folder / "report.html").as_uri())
    assert faults(page) == []


def test_faults_are_found(page: Any):
    page.set_content(BROKEN)
    found = " ".join(faults(page))
    for what in (
        "no language",
        "no title",
        "a picture without words",
        "a drawing without words",
        "a control without words",
        "a table without a name",
        "a table without headers",
        "a header of nothing",
        "a place to stop without a name",
        "a link to nowhere",
        "a part without a name",
        "not one main part",
        "an id twice: twice",
        "a heading of level 3 under 1",
        "contrast in light: pale",
    ):
        assert what in found, what
