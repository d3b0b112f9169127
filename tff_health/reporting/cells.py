"""The cells of a study folder: one run each, with a report of its own."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tff_health.reporting.atomic import ReportError

CELLS_FILE = "cells.csv"
CELL_COLUMNS = ("dataset", "seed", "cell", "status", "seconds", "peak_gib", "reason")


@dataclass(frozen=True)
class CellRow:
    """One row of cells.csv.

    Attributes:
        dataset: of the cell.
        seed: of the cell.
        name: of the cell.
        status: `done` or `failed`.
        seconds: how long its run took; None where that is not known.
        peak_gib: memory that it took at most; None likewise.
        reason: why it failed.
        link: its report relative to the study folder; empty where there is none.
    """

    dataset: str
    seed: str
    name: str
    status: str
    seconds: float | None
    peak_gib: float | None
    reason: str
    link: str


def read_cells(folder: Path) -> list[CellRow]:
    """The cells of a study folder, in the order of the file; empty for any other folder.

    Raises:
        ReportError: cells.csv cannot be read, or lacks a column.
    """
    path = folder / CELLS_FILE
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_row(folder, row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(
            f"{path} cannot be read as a table of cells: restore the file or resume the study."
        ) from error


def _row(folder: Path, row: dict[str, str]) -> CellRow:
    name = row["cell"]
    # A name from an edited file must not lead out of the folder.
    inside = Path(name).name == name and (folder / "cells" / name / "report.html").exists()
    link = f"cells/{quote(name)}/report.html" if inside else ""
    seconds, peak = (float(row[column]) if row.get(column) else None for column in ("seconds", "peak_gib"))
    return CellRow(row["dataset"], row["seed"], name, row["status"], seconds, peak, row["reason"], link)
