"""The quick form of a shipped study, run to its end as a user would try it, without downloaded data."""

from __future__ import annotations

import subprocess
from html import unescape
from pathlib import Path

from small_experiment import ROOT, command

from tff_health.reporting.collections.document import load_collection_results


def quick_study(name: str, folder: Path) -> Path:
    """Runs `study NAME --quick` with its output below `folder`, and gives the output's folder."""
    # A data folder without files: nothing that happens to lie here is used.
    words = command("study", name, "--quick", "--out", str(folder / "out"), "--data-dir", str(folder))
    done = subprocess.run(words, capture_output=True, text=True, timeout=850, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "out" / "report.html").exists()
    return folder / "out"


def check_every_row(out: Path, paper: str, rows: int) -> None:
    """Every row of a paper stands in the results and on the page, and every part has a report of its own."""
    results = load_collection_results(out / "results.json")
    assert {part.status for part in results.parts.values()} == {"done"}
    assert [row.row for row in results.rows] == [f"{paper}.{number}" for number in range(1, rows + 1)]
    page = unescape((out / "report.html").read_text("utf-8"))
    for row in results.rows:
        assert row.title in page
    for part in results.parts:
        assert (out / "parts" / part / "report.html").exists()
