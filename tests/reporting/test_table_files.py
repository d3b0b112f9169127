"""Every table of a page as CSV and LaTeX, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tff_health.reporting.table_files import page_tables, write_tables

PAGE = """
<h2>Results &amp; more</h2><h3>By hospital</h3>
<table><caption>AUC, 95&nbsp;% of {x_1}</caption>
<thead><tr><th>Arm</th><th colspan="2">Value</th><th>Note</th></tr></thead>
<tbody>
<tr><th rowspan="2">A, "first"</th><td>0.91<small>0.88–0.94</small></td><td>−0.5</td><td rowspan="3">all</td></tr>
<tr><td>0.92</td><td>&lt;script&gt;</td></tr><tr><th>日本 &#37;</th><td>1</td><td></td></tr></tbody>
<tbody><tr><th>short</th></tr></tbody></table>
<details><summary>Details of it</summary><table><tr><td>only</td></tr></table></details>
"""
ROWS = [
    ['A, "first"', "0.91 0.88–0.94", "-0.5", "all"],
    ['A, "first"', "0.92", "<script>", "all"],
    ["日本 %", "1", "", "all"],
    ["short", "", "", ""],
]


def test_cells_that_span_are_repeated():
    first, second = page_tables(PAGE)
    assert (first.heading, first.caption) == ("Results & more", "AUC, 95 % of {x_1}")
    assert first.header == ["Arm", "Value", "Value", "Note"]
    assert first.rows == ROWS
    assert (second.caption, second.header, second.rows) == ("Details of it", [""], [["only"]])


def test_files_hold_the_cells(tmp_path: Path):
    written = write_tables(PAGE, tmp_path)
    assert [path.name for path in written] == [
        "01-results-more-auc-95-of-x-1.csv",
        "01-results-more-auc-95-of-x-1.tex",
        "02-results-more-details-of-it.csv",
        "02-results-more-details-of-it.tex",
    ]
    frame = pd.read_csv(written[0], dtype=str, keep_default_na=False)
    assert frame.values.tolist() == ROWS
    latex = written[1].read_text("utf-8")
    assert r"\caption{AUC, 95 \% of \{x\_1\}}" in latex
    assert r"日本 \% & 1 &  & all \\" in latex
    assert r"\toprule" in latex


def test_tables_of_an_earlier_page_go_and_others_stay(tmp_path: Path):
    write_tables(PAGE, tmp_path)
    (tmp_path / "tables" / "mine.csv").write_text("kept", "utf-8")
    (only, _) = write_tables("<h2>One</h2><table><tr><td>1</td></tr></table>", tmp_path)
    assert {path.name for path in only.parent.iterdir()} == {"01-one-one.csv", "01-one-one.tex", "mine.csv"}


@pytest.mark.parametrize("caption", ["../../up", "..", "", "<b>x</b>" * 100])
def test_no_caption_leads_out_of_the_folder(tmp_path: Path, caption: str):
    page = f"<h2>{caption}</h2><table><caption>{caption}</caption><tr><td>1</td></tr></table>"
    for path in write_tables(page, tmp_path):
        assert path.parent == tmp_path / "tables"
        assert len(path.name) < 100
