"""The report of a study of 200 cells: bytes, seconds to make it, and seconds until it stands open in headless Chromium.

    uv run python benchmarks/report_size.py                       # five datasets of 40 seeds, opened five times
    uv run python benchmarks/report_size.py --seeds 80 --turns 10
    uv run python benchmarks/report_size.py --report runs/my-study/report.html

The study is that of `tests/reporting/test_large_study.py`: one example's results, moved a little from cell to cell, and
merged and reported by the project's own code, so that nothing is trained. Every turn opens the page in a browser that
was just started, whose own clock gives the time from the start of the navigation to `DOMContentLoaded` and to `load`,
and to when the page had been painted twice after that.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reporting")]
LARGEST, LONGEST = 20.0, 3.0  # megabytes, seconds
EVENTS = ("DOMContentLoaded", "load", "painted")
TIMES = """() => new Promise((done) => {
  const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    const own = performance.getEntriesByType('navigation')[0];
    done([own.domContentLoadedEventEnd, own.loadEventEnd, performance.now()].map((one) => one / 1000));
  }));
  if (document.readyState === 'complete') painted(); else addEventListener('load', () => setTimeout(painted));
})"""


def main() -> None:
    """Makes the report, opens it so many times and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40, help="of each of five datasets")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--report", type=Path, help="a report that is there, in place of the study of this benchmark")
    chosen = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        report = chosen.report or _made(Path(folder) / "study", chosen.seeds)
        megabytes = report.stat().st_size / 1e6
        print(f"report.html: {megabytes:.2f} MB (at most {LARGEST:g})")
        turns = []
        for turn in range(chosen.turns):
            turns.append(_opened(report))
            said = ", ".join(f"{event} {value:.2f}" for event, value in zip(EVENTS, turns[-1], strict=True))
            print(f"turn {turn}: {said} s, load {os.getloadavg()[0]:.1f}", flush=True)
    for event, values in zip(EVENTS, zip(*turns, strict=True), strict=True):
        print(f"{event:18} median {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})")
    print(f"Target, to load: under {LONGEST:g} s.")


def _made(folder: Path, seeds: int) -> Path:
    from large_study import make_large_study

    clock = time.monotonic()
    report = make_large_study(folder, seeds)
    print(f"made in {time.monotonic() - clock:.0f} s, of which most is reading and merging cells and drawing figures")
    return report


def _opened(report: Path) -> list[float]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(report.resolve().as_uri(), wait_until="commit")
            return page.evaluate(TIMES)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
