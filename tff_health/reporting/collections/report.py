"""The report of a study of parts: what each part answers, a paper's rows, and links to every part's own report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tff_health.reporting.answer import summary, verdicts
from tff_health.reporting.atomic import write_atomically
from tff_health.reporting.collections.document import CollectionResults, PartResult, Place, load_collection_results
from tff_health.reporting.images.answer import images_verdicts
from tff_health.reporting.paper import CITATION
from tff_health.reporting.record import Run, load_run
from tff_health.reporting.report import report_environment
from tff_health.reporting.study_answer import is_study_answer, study_answer
from tff_health.reporting.synthesis.answer import synthesis_summary, synthesis_verdicts
from tff_health.reporting.synthesis.references import P2_CITATION
from tff_health.reporting.synthesis.views import classifier_view
from tff_health.reporting.table_files import write_tables

_CITATIONS = {"P1": CITATION, "P2": P2_CITATION}


@dataclass(frozen=True)
class PartView:
    """A part as the page shows it.

    Attributes:
        name: of the part.
        part: how it ended.
        answers: what its report says on top; empty where it has no results.
        link: its report relative to the study's folder; empty where there is none.
        internal: whether it holds scores on real patients.
    """

    name: str
    part: PartResult
    answers: list[str]
    link: str
    internal: bool


def make_collection_report(folder: Path) -> Path:
    """Writes `report.html` and `tables/` into the folder of a study of parts.

    Args:
        folder: with results.json and `parts/`.

    Returns:
        The path of report.html.

    Raises:
        ReportError: a file cannot be read or written; an earlier report is then left as it was.
    """
    results = load_collection_results(folder / "results.json")
    views = [_view(folder, name, part) for name, part in results.parts.items()]
    page = report_environment().get_template("collection.html").render(_context(results, views))
    path = folder / "report.html"
    write_atomically(path, page.encode())
    write_tables(page, folder)
    return path


def _context(results: CollectionResults, views: list[PartView]) -> dict[str, object]:
    links = {view.name: view.link for view in views}

    def link(place: Place) -> str:
        target = links.get(place.part, "")
        return f"{target}#{quote(place.anchor)}" if target and place.anchor else target

    return {
        "results": results,
        "parts": views,
        "link": link,
        "citation": _CITATIONS.get(results.paper or "", ""),
        "internal": any(view.internal for view in views),
        "missing": [
            f"{row.row}: {finding.what}" for row in results.rows for finding in row.findings if not finding.ours
        ],
        "seconds": sum(view.part.seconds or 0.0 for view in views),
    }


def _view(folder: Path, name: str, part: PartResult) -> PartView:
    place = folder / "parts" / name
    # A name from an edited file must not lead out of the folder.
    if Path(name).name != name or not (place / "results.json").exists():
        return PartView(name, part, [], "", False)
    run = load_run(place)
    link = f"parts/{quote(name)}/report.html" if (place / "report.html").exists() else ""
    internal = any(dataset.kind == "real" and dataset.arms for dataset in run.results.datasets.values())
    return PartView(name, part, _answers(run), link, internal)


def _answers(run: Run) -> list[str]:
    found, made, pictured = verdicts(classifier_view(run)), synthesis_verdicts(run), images_verdicts(run)
    plain = classifier_view(run)
    if is_study_answer(plain, found):
        said = study_answer(plain)
    else:
        said = [] if (made or pictured) and not found else [summary(found)]
    return [*said, *synthesis_summary(made), *(verdict.summary for verdict in pictured)]
