"""What must hold of every file of a run folder, whatever names are in it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

# What names in `odd_names` would bring in, were they not escaped.
INJECTED = {"i", "u", "svg", "iframe", "object", "form", "input"}
LATEX_COMMANDS = {
    *("begin", "end", "caption", "toprule", "midrule", "bottomrule"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
}


class Page(HTMLParser):
    """A page's elements, their attributes and the texts between them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts = [""]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data

    @property
    def said(self) -> set[str]:
        """All texts without the blanks around them."""
        return {text.strip() for text in self.texts}


def check_markup(page: Page) -> None:
    """No element and no attribute came out of a name."""
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert len(scripts) <= 1  # the page's own, which sorts tables
    assert not any(attributes.get("src") for attributes in scripts)
    for tag, attributes in page.elements:
        assert tag not in INJECTED, (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert all(re.fullmatch(r"[a-z-]+", name) for name in attributes), (tag, attributes)
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
        if tag == "a":
            assert re.match(r"#|https?://|cells/[A-Za-z0-9._%-]+/report\.html$", attributes["href"]), attributes


def check_latex(text: str) -> None:
    """A table that LaTeX reads: specials escaped, braces balanced, no cell taken for an option of the row's end."""
    assert set(re.findall(r"\\([A-Za-z]+)", text.replace("\\\\", ""))) <= LATEX_COMMANDS
    lines = text.splitlines()
    columns = len(next(line for line in lines if line.startswith(r"\begin{tabular}")).split("{")[-1].rstrip("}"))
    for line in lines:
        bare = re.sub(r"\\[&%$#_{}]", "", line)
        assert not re.search(r"[$#~^_%<>|]", bare), line
        assert bare.count("{") == bare.count("}"), line
        assert not line.startswith(("[", "*")), line
        if line.endswith(r"\\"):
            assert bare.count("&") == columns - 1, line


def check_svg(path: Path) -> None:
    """Well-formed, and nothing in it acts or leads anywhere."""
    for element in ElementTree.parse(path).iter():
        name = str(element.tag).rsplit("}", 1)[-1]
        assert name not in ("script", "foreignObject", "a"), path
        for key, value in element.attrib.items():
            assert not key.rsplit("}", 1)[-1].startswith("on"), path
            assert "href" not in key or value.startswith(("#", "data:image/png;base64,")), path


def check_run_folder(folder: Path) -> Page:
    """Checks every file of a run or study folder by its kind; answers the report."""
    for path in folder.rglob("*"):
        # Also on disks that take less than Linux's.
        assert re.fullmatch(r"\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}", path.name), path
    pictures = list(folder.rglob("*.svg"))
    assert pictures
    for path in pictures:
        check_svg(path)
    for path in folder.rglob("*.tex"):
        check_latex(path.read_text("utf-8"))
    for path in folder.rglob("*.csv"):
        assert len(pd.read_csv(path, dtype=str, keep_default_na=False).columns)
    for path in folder.rglob("report.html"):
        check_markup(Page(path.read_text("utf-8")))
    return Page((folder / "report.html").read_text("utf-8"))


def tables_with(folder: Path, column: str) -> list[pd.DataFrame]:
    """The report's tables, as CSV files, that have a column of this name."""
    frames = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in (folder / "tables").glob("*.csv")]
    return [frame for frame in frames if column in frame.columns]


def listing(root: Path) -> set[Path]:
    """All that lies below a folder, but for compiled modules."""
    return {path for path in root.rglob("*") if "__pycache__" not in path.parts}
