"""The rows of a paper beside what the parts of a study have of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tff_health.reporting.cohort import add_cohort
from tff_health.reporting.collections.document import PaperRow
from tff_health.reporting.collections.p1 import p1_rows
from tff_health.reporting.collections.p2 import p2_rows
from tff_health.reporting.record import load_run

_ROWS = {"P1": p1_rows, "P2": p2_rows}


def paper_rows(paper: Literal["P1", "P2"], folders: Mapping[str, Path]) -> list[PaperRow]:
    """Every row of a paper.

    Args:
        paper: whose.
        folders: run or study folders of the parts that have ended, by name.

    Raises:
        ReportError: a folder cannot be read.
    """
    return _ROWS[paper]({name: add_cohort(load_run(folder)) for name, folder in folders.items()})
