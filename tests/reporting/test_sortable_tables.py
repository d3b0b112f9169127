"""Tables that sort: by click and by key, numbers as numbers, and back again; in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_reporting_browser import browser  # noqa: F401 - the fixture

from tff_health.reporting.page_script import page_script, script_source
from tff_health.reporting.report import report_environment

Show = Callable[..., Any]


def document(body: str) -> str:
    """A page with a report's head."""
    template = report_environment().from_string('{% include "head.html" %}<body>{{ body }}</body></html>')
    return template.render(results={"title": "Sorting"}, body=page_script().__class__(body))


def table(values: list[str], more: str = "", marked: str = ' class="sortable"') -> str:
    """Column `Value` with these cells, beside the number of each row."""
    rows = "".join(f'<tr><th scope="row">{place}</th>{cell(value)}</tr>' for place, value in enumerate(values))
    head = '<thead><tr><th scope="col">Row</th><th scope="col" class="num">Value</th></tr></thead>'
    return f"<table{marked}><caption>Values</caption>{head}<tbody>{rows}</tbody>{more}</table>"


def cell(value: str) -> str:
    return value if value.startswith("<td") else f"<td>{value}</td>"


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Show]:  # noqa: F811 - the imported fixture
    opened = []

    def shown(body: str, **options: Any) -> Any:
        (tmp_path / "page.html").write_text(document(body), "utf-8")
        page = browser.new_page(**options)
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto((tmp_path / "page.html").as_uri())
        opened.append(page)
        return page

    yield shown
    for page in opened:
        page.close()


def order(page: Any) -> list[int]:
    return [int(text) for text in page.locator("tbody th").all_inner_texts()]


def state(page: Any) -> list[str | None]:
    return page.evaluate("Array.from(document.querySelectorAll('thead th'), th => th.getAttribute('aria-sort'))")


@pytest.mark.parametrize(
    ("values", "ascending"),
    [
        (["10", "9", "1,234", "\N{MINUS SIGN}3"], [3, 1, 0, 2]),
        ([".931 (.920 to .940)", "0.12 (0.1 to 0.2)", "1.5", "+0.2"], [1, 3, 0, 2]),
        (["4.55e-5", "0.1", "1e\N{MINUS SIGN}9", "2"], [2, 0, 1, 3]),
        (["33\N{NO-BREAK SPACE}%", "4 %", "100 %", "\N{EN DASH}"], [1, 0, 2, 3]),
        (
            ["0.9<small>0.1\N{EN DASH}0.95</small>", "0.85<small>0.8\N{EN DASH}0.9</small>", "none", "0.95"],
            [1, 0, 3, 2],
        ),
        (["epsilon 10", "epsilon 0.5", "epsilon 0.15", "epsilon 2"], [2, 1, 3, 0]),
        (["Zürich", "äußere Klinik", "Berlin", "alpha"], [3, 1, 2, 0]),
        (["not measured", "3", "\N{EN DASH}", "1", "2"], [3, 4, 1, 0, 2]),
        (["none", "simulated: NOT SECURE", "none", "masked"], [3, 1, 0, 2]),
        (["<td data-sort='125'>2 min 5 s</td>", "74 s", "<td data-sort='7320'>2 h 2 min</td>", "80 s"], [1, 3, 0, 2]),
    ],
)
def test_values_sort_as_what_they_are(show: Show, values: list[str], ascending: list[int]):
    page = show(table(values))
    button = page.get_by_role("button", name="Value")
    button.click()
    assert order(page) == ascending
    last = [place for place, value in enumerate(values) if value in ("\N{EN DASH}", "none", "not measured")]
    button.click()
    kept = [place for place in ascending if place not in last]
    assert order(page) == [*reversed(kept), *last]
    button.click()
    assert order(page) == list(range(len(values)))
    assert page.problems == []


def test_equal_values_keep_their_order(show: Show):
    page = show(table(["2", "1", "2", "1", "2"]))
    button = page.get_by_role("button", name="Value")
    button.click()
    assert order(page) == [1, 3, 0, 2, 4]
    button.click()
    assert order(page) == [0, 2, 4, 1, 3]


def test_a_column_at_a_time_says_how_it_is_sorted(show: Show):
    page = show(table(["3", "1", "2", "4"]))
    assert state(page) == [None, None]
    value, row = (page.get_by_role("button", name=name) for name in ("Value", "Row"))
    value.click()
    assert state(page) == [None, "ascending"]
    value.click()
    assert state(page) == [None, "descending"]
    row.click()
    assert state(page) == ["ascending", None]
    row.click()
    row.click()
    assert state(page) == [None, None]
    assert "column headers with buttons sort the rows" in page.locator("caption").text_content()


def test_keys_sort_too(show: Show):
    page = show(table(["3", "1", "2", "4"]))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Value"
    page.keyboard.press("Enter")
    assert order(page) == [1, 2, 0, 3]
    page.keyboard.press("Space")
    assert order(page) == [3, 0, 2, 1]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_what_does_not_move_freely_is_left_alone(show: Show):
    rows = ["3", "1", "2", "4"]
    two_groups = table(rows, "<tbody><tr><th>9</th><td>0</td></tr></tbody>")
    spanned = table(["<td rowspan='2'>3</td>", "", "2", "4"])
    page = show(two_groups + spanned + table(rows, marked="") + table(["2", "1"]))
    assert page.locator("table").count() == 4
    assert page.locator("button").count() == 0
    assert "sort" not in page.locator("body").text_content()


def test_a_foot_stays_below_and_cells_may_span_columns(show: Show):
    head = "<thead><tr><th>Row</th><th>Unit</th><th>Epsilon</th><th>AUC</th></tr></thead>"
    body = "".join(
        f"<tr><th>{place}</th>{cells}</tr>"
        for place, cells in enumerate(
            [
                "<td colspan='2'>no guarantee</td><td>.9</td>",
                "<td>patient</td><td>3</td><td>.8</td>",
                "<td>patient</td><td>1</td><td>.7</td>",
                "<td>hospital</td><td>10</td><td>.6</td>",
            ]
        )
    )
    foot = "<tfoot><tr><td>Mean</td><td></td><td></td><td>.75</td></tr></tfoot>"
    page = show(f'<table class="sortable">{head}<tbody>{body}</tbody>{foot}</table>')
    page.get_by_role("button", name="Epsilon").click()
    assert order(page) == [2, 1, 3, 0]
    page.get_by_role("button", name="AUC").click()
    assert order(page) == [3, 2, 1, 0]
    assert page.locator("table tr").last.text_content().startswith("Mean")


def test_without_scripts_and_in_print_headers_are_plain(show: Show):
    body = table(["3", "1", "2", "4"])
    page = show(body, java_script_enabled=False)
    assert page.locator("button").count() == 0
    assert page.locator("thead").inner_html() == re.search(r"<thead>(.*)</thead>", body)[1]  # type: ignore[index]
    page = show(body)
    page.get_by_role("button", name="Value").click()
    page.emulate_media(media="print")
    style = page.locator("th[aria-sort] button").evaluate(
        "one => [getComputedStyle(one).textDecorationLine, getComputedStyle(one).borderTopWidth, "
        "getComputedStyle(one, '::before').display, getComputedStyle(one).color, "
        "getComputedStyle(one.parentElement).color]"
    )
    assert style[:3] == ["none", "0px", "none"]
    assert style[3] == style[4]
    assert page.locator(".unseen").evaluate("one => getComputedStyle(one).display") == "none"


def test_no_other_script_runs(show: Show):
    attack = "<script>document.title = 'taken'</script><img src='data:,' onerror=\"document.title = 'taken'\">"
    page = show(attack + table(["3", "1", "2", "4"]))
    assert page.title() == "Sorting"
    assert any("Content Security Policy" in problem for problem in page.problems)
    page.get_by_role("button", name="Value").click()
    assert order(page) == [1, 2, 0, 3]


def test_the_script_can_stand_in_a_page():
    assert "</" not in page_script()
    assert "\r" not in page_script()
    assert len(page_script()) < 6000
    assert re.fullmatch(r"sha256-[A-Za-z0-9+/]{43}=", script_source())
