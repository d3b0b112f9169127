"""The HTML report: one file without network, made from a run folder alone; its one script sorts tables."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting import formatting, glossary, paper
from tff_health.reporting.answer import caveats, summary, verdicts
from tff_health.reporting.atomic import write_atomically
from tff_health.reporting.cards import write_cards
from tff_health.reporting.cells import read_cells
from tff_health.reporting.cohort import add_cohort, references_with_cohort
from tff_health.reporting.contradictions import contradictions
from tff_health.reporting.costs import cell_costs, cost_rows
from tff_health.reporting.fairness import fairness_rows, hospital_metric
from tff_health.reporting.figures.drawing import draw_all
from tff_health.reporting.figures.registry import DrawnFigure
from tff_health.reporting.figures.small_multiples import draw_small_multiples
from tff_health.reporting.guarantee import is_private, lower, named, small, upper
from tff_health.reporting.images.answer import QUESTION as IMAGES_QUESTION
from tff_health.reporting.images.answer import images_caveats, images_verdicts
from tff_health.reporting.images.glossary import image_arm_lines, images_glossary
from tff_health.reporting.images.references import concerns_images
from tff_health.reporting.images.section import images_sections
from tff_health.reporting.membership_findings import attack_label
from tff_health.reporting.page_script import page_script, script_source
from tff_health.reporting.paper_tables import paper_groups, paper_tables, peer_groups
from tff_health.reporting.privacy_cost import privacy_answer
from tff_health.reporting.protection import details, guarantee_warnings
from tff_health.reporting.record import Run, load_run
from tff_health.reporting.results import Arm, Metric
from tff_health.reporting.study_answer import is_study_answer, study_answer
from tff_health.reporting.synthesis.answer import QUESTION, synthesis_caveats, synthesis_summary, synthesis_verdicts
from tff_health.reporting.synthesis.arms import real_metric
from tff_health.reporting.synthesis.glossary import synthesis_arm_lines, synthesis_glossary
from tff_health.reporting.synthesis.references import P2_CITATION, concerns_synthesis
from tff_health.reporting.synthesis.section import dataset_protection, synthesis_sections
from tff_health.reporting.synthesis.splits import fewer_splits
from tff_health.reporting.synthesis.views import classifier_view, privacy_view
from tff_health.reporting.table_files import write_tables
from tff_health.runtime.file_names import file_name, safe_name

TABLE_METRICS = ("accuracy", "auc", "sensitivity", "specificity", "f1", "brier", "ece", "loss")


@dataclass(frozen=True)
class ComparisonRow:
    """One arm of one dataset over several runs; None where a run lacks it."""

    dataset: str
    arm: str
    cells: tuple[tuple[Metric, Metric] | None, ...]


def make_report(folder: Path, extra_folders: Sequence[Path] = ()) -> Path:
    """Writes `report.html`, `tables/`, `figures/` and, of saved generators, `cards/` into a run or study folder.

    Args:
        folder: run or study folder with results.json; rounds.csv, predictions.csv and settings.toml are used where
            present.
        extra_folders: further run folders, set beside the first in a table at the top.

    Returns:
        The path of report.html.

    Raises:
        ReportError: a folder or file cannot be read or written; an earlier report is then left as it was.
    """
    run = load_run(folder)
    others = [load_run(extra) for extra in extra_folders]
    run = add_cohort(run)
    drawn = draw_all([run.record(name) for name in run.results.datasets])
    across = draw_small_multiples(classifier_view(run))
    # No `with_suffix`: it would take what follows a dot in the dataset's name for the ending.
    files: dict[str, DrawnFigure] = {}
    for name, figures in drawn.items():
        for figure in figures:
            stem = f"{safe_name(name)}-{figure.name}"
            files[file_name(name, figure.name) if stem in files else stem] = (
                figure  # `a-b` and `c` beside `a` and `b-c`
            )
    files |= {f"all-datasets-{across.name}": across} if across else {}
    for stem, figure in files.items():
        if not figure.failure:
            write_atomically(folder / "figures" / f"{stem}.svg", figure.svg)
            write_atomically(folder / "figures" / f"{stem}.png", figure.png)
    context = _context(run, others, drawn) | {"across": [across] if across else []}
    page = report_environment().get_template("report.html").render(context)
    path = folder / "report.html"
    write_atomically(path, page.encode())
    write_tables(page, folder)
    write_cards(run)
    return path


def _context(run: Run, others: list[Run], drawn: dict[str, list[DrawnFigure]]) -> dict[str, Any]:
    # What is made has sections of its own: the other parts see classifiers, and Privacy sees all arms.
    plain, judged = classifier_view(run), privacy_view(run)
    results, made, pictured = plain.results, synthesis_verdicts(run), images_verdicts(run)
    found = verdicts(plain)
    only_made = bool(made or pictured) and not found
    studied = study_answer(plain) if is_study_answer(plain, found) else []
    references = [
        one for one in references_with_cohort(plain) if not concerns_synthesis(one) and not concerns_images(one)
    ]
    if only_made:
        # Without classifiers nothing of P1's was measured.
        references = [one for one in references if one.ours is not None]
    shielded = {name: dataset_protection(run, name) for name in results.datasets}
    concerns_paper = bool(references) or paper.PAPER_DATASET in results.datasets
    return {
        "run": run,
        "results": results,
        "others": others,
        "cells": read_cells(run.folder),
        "comparison": _comparison([judged, *map(privacy_view, others)]) if others else [],
        "verdicts": found,
        "is_contrasted": any(one.alone or one.best_alone or one.pooled for one in found),
        "summary": "" if only_made or studied else summary(found),
        "study_answer": studied,
        "caveats": [*caveats(plain, found), *synthesis_caveats(run), *images_caveats(run)],
        "privacy_answer": privacy_answer(plain),
        "protection": shielded,
        "judged": judged.results,
        "paper_tables": paper_tables(results, references),
        "paper_groups": paper_groups(references),
        "peer_groups": peer_groups(references),
        "citation": paper.CITATION,
        "p2_citation": P2_CITATION,
        "contradictions": contradictions(results) if concerns_paper else [],
        "figures": drawn,
        "table_metrics": TABLE_METRICS,
        "metric_glossary": {} if only_made else glossary.METRICS,
        "synthesis_glossary": synthesis_glossary(run.results) if made else {},
        "images_glossary": images_glossary(run.results) if pictured else {},
        "privacy_glossary": glossary.PRIVACY if any(shielded.values()) else {},
        "arm_glossary": {
            **glossary.arm_lines(results),
            **synthesis_arm_lines(run.results),
            **image_arm_lines(run.results),
        },
        "internal": any(dataset.kind == "real" and dataset.arms for dataset in run.results.datasets.values()),
        "anchors": {name: f"dataset-{position}" for position, name in enumerate(results.datasets, 1)},
        "synthesis": synthesis_sections(run),
        "synthesis_verdicts": made,
        "synthesis_summary": synthesis_summary(made),
        "synthesis_question": QUESTION,
        "images": images_sections(run),
        "images_verdicts": pictured,
        "images_question": IMAGES_QUESTION,
        "shows_patients": any(dataset.kind == "real" and dataset.images for dataset in run.results.datasets.values()),
    }


def _comparison(runs: list[Run]) -> list[ComparisonRow]:
    keys = {
        (name, arm): (dataset.title, entry.title)
        for run in reversed(runs)
        for name, dataset in run.results.datasets.items()
        for arm, entry in dataset.shown_arms.items()
    }
    rows = []
    for (name, arm), titles in keys.items():
        cells = []
        for run in runs:
            dataset = run.results.datasets.get(name)
            entry = dataset.arms.get(arm) if dataset else None
            cells.append((entry.metric("test/accuracy"), entry.metric("test/auc")) if entry else None)
        rows.append(ComparisonRow(*titles, tuple(cells)))
    return sorted(rows, key=lambda row: row.dataset)


def report_environment() -> jinja2.Environment:
    """Templates with the filters that all reports share."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tff_health.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"page_script": page_script(), "script_source": script_source()}
    environment.filters |= {
        "number": formatting.number,
        "interval": formatting.interval,
        "signed": formatting.signed,
        "share": formatting.percent,
        "compact": formatting.compact,
        "duration": formatting.duration,
        "moment": formatting.moment,
        "metric_label": formatting.metric_label,
        "plural": formatting.plural,
        "fairness_rows": fairness_rows,
        "hospital_metric": hospital_metric,
        "cost_rows": cost_rows,
        "cell_costs": cell_costs,
        "at_most": upper,
        "at_least": lower,
        "small": small,
        "attack_label": attack_label,
        "details": details,
        "guarantee_warnings": guarantee_warnings,
        "real_metric": real_metric,
        "fewer_splits": fewer_splits,
        "named": named,
        "is_private": is_private,
        "settings_and_cost": _settings_and_cost,
        "short": _short,
        "bounds": _bounds,
        "value": _setting,
        "data_uri": _data_uri,
        "picture_size": _picture_size,
        "sentence": _sentence,
        "lower_first": _lower_first,
    }
    return environment


def _settings_and_cost(arm: Arm) -> dict[str, object]:
    return {**arm.settings, **arm.cost}


def _bounds(metric: Metric, digits: int = 3) -> str:
    """The interval alone, for the small line under a value."""
    if metric.value is None or metric.low is None or metric.high is None:
        return ""
    low, high = formatting.number(metric.low, digits), formatting.number(metric.high, digits)
    return f"{low}\N{EN DASH}{high}"


def _setting(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_setting(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_setting(item)}" for key, item in value.items())
    return json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    """The first words of a term that is spelt out elsewhere: up to a bracket, comma, colon or full stop."""
    return re.split(r"[(,:;.]", text, maxsplit=1)[0].strip()


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text and text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _data_uri(svg: bytes) -> Markup:
    """An SVG as the source of an image: sharp in print, and unable to run scripts there."""
    return Markup(html.escape(f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"))


def _picture_size(svg: bytes) -> Markup:
    """Width and height for the page to keep free: a picture that is drawn once it is in sight must move nothing."""
    found = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"|$', svg[:1000])
    if not found or not found[1]:
        return Markup()
    width, height = (round(float(length) * 4 / 3) for length in found.groups())
    return Markup(f' width="{width}" height="{height}"')
