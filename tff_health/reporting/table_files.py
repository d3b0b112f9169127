"""Every table of a report as a CSV file and as a LaTeX table, read from the page itself, so that they cannot differ."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from tff_health.reporting.atomic import ReportError, write_atomically
from tff_health.reporting.latex import latex_text

FOLDER = "tables"
_OURS = re.compile(r"^\d{2,}-[a-z0-9-]+\.(csv|tex)$")
_HEADINGS = ("h2", "h3", "h4", "summary")
_LONGEST_HEADING, _LONGEST_CAPTION = 30, 50
# Signs that only a page wants, and what programs read.
_PLAIN = str.maketrans({"\N{MINUS SIGN}": "-", "\N{NO-BREAK SPACE}": " "})


@dataclass
class PageTable:
    """A table of a page.

    Attributes:
        heading: of the section that it stands in.
        caption: in words; the nearest heading where it has none.
        header: texts of its head; empty cells for none.
        rows: texts of its body, each as long as the longest row.
    """

    heading: str = ""
    caption: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def page_tables(page: str) -> list[PageTable]:
    """All tables of an HTML page, in order; a cell that spans several is repeated in each."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.tables


def write_tables(page: str, folder: Path) -> list[Path]:
    """Writes `tables/NUMBER-CAPTION.csv` and `.tex` for every table of a page, and removes those of an earlier page.

    Args:
        page: HTML.
        folder: of the run or study.

    Returns:
        The paths.

    Raises:
        ReportError: a file cannot be written.
    """
    place, written = folder / FOLDER, []
    for number, table in enumerate(page_tables(page), 1):
        stem = f"{number:02d}-{_slug(table.heading, _LONGEST_HEADING)}-{_slug(table.caption, _LONGEST_CAPTION)}"
        for ending, text in ((".csv", _csv(table)), (".tex", _latex(table))):
            written.append(place / f"{stem}{ending}")
            write_atomically(written[-1], text.encode())
    try:
        for path in place.glob("*"):
            if path not in written and _OURS.match(path.name):
                path.unlink()
    except OSError as error:
        raise ReportError(f"{place} cannot be tidied ({error.strerror}): make the folder writable.") from error
    return written


def _slug(text: str, longest: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].strip("-") or "table"


def _csv(table: PageTable) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return text.getvalue()


def _latex(table: PageTable) -> str:
    rows = [[latex_text(cell) for cell in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=[latex_text(cell) for cell in table.header], dtype=object)
    text: str = frame.to_latex(index=False, escape=False, caption=latex_text(table.caption) or None)
    return text


class _Reader(HTMLParser):
    """Collects tables with the headings above them; no report has tables within tables."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[PageTable] = []
        self._table: PageTable | None = None
        self._row: list[str] = []
        self._held: dict[int, tuple[str, int]] = {}  # column -> text and rows that it still spans
        self._text: list[str] | None = None
        self._section = self._nearest = ""
        self._spans = (1, 1)
        self._in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _HEADINGS:
            self._text = []
        elif tag == "table":
            self._table, self._held = PageTable(self._section, self._nearest), {}
        elif self._table is None:
            return
        elif tag in ("thead", "tbody"):
            self._in_head, self._held = tag == "thead", {}
        elif tag == "tr":
            self._row = []
        elif tag in ("td", "th", "caption"):
            self._text = []
            self._spans = (int(given.get("colspan") or 1), int(given.get("rowspan") or 1))
        elif tag in ("small", "br") and self._text is not None:
            self._text.append(" ")

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HEADINGS and self._text is not None:
            self._nearest, self._text = self._said(), None
            if tag == "h2":
                self._section = self._nearest
        if self._table is None:
            return
        if tag in ("td", "th", "caption") and self._text is not None:
            text, self._text = self._said(), None
            if tag == "caption":
                self._table.caption = text
            else:
                self._add(text)
        elif tag == "tr":
            self._fill()
            if self._in_head:
                self._table.header = self._row
            else:
                self._table.rows.append(self._row)
        elif tag == "table":
            width = max(map(len, (self._table.header, *self._table.rows)), default=0)
            for row in (self._table.header, *self._table.rows):
                row += [""] * (width - len(row))
            self.tables.append(self._table)
            self._table = None

    def _said(self) -> str:
        return " ".join("".join(self._text or ()).split()).translate(_PLAIN)

    def _add(self, text: str) -> None:
        """Puts a cell where the next free one is."""
        self._fill()
        columns, rows = self._spans
        for _ in range(columns):
            if rows > 1:
                self._held[len(self._row)] = (text, rows - 1)
            self._row.append(text)

    def _fill(self) -> None:
        """Puts in cells of rows before that reach down to here."""
        while len(self._row) in self._held:
            column = len(self._row)
            text, rows = self._held.pop(column)
            if rows > 1:
                self._held[column] = (text, rows - 1)
            self._row.append(text)
