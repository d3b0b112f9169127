"""The report of a run that made synthetic patients: alone, beside classifiers, and with little in it."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from synthesis_example import dataset, write_synthesis_run

from tff_health.reporting.record import load_run
from tff_health.reporting.report import make_report
from tff_health.reporting.results import DatasetResult, save_results


@pytest.fixture(scope="module")
def page(synthesis_reported: Path) -> str:
    return (synthesis_reported / "report.html").read_text(encoding="utf-8")


def _text(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))).strip()


def _section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]


def _report(folder: Path, document: dict[str, Any]) -> str:
    write_synthesis_run(folder, {"heart_disease": document})
    return make_report(folder).read_text(encoding="utf-8")


def test_the_top_answers_the_four_questions_with_numbers(page: str):
    section = _section(page, "answer")
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", section) == ["Are the synthetic patients worth training on?"]
    text = _text(section)
    for question in (
        "Worth training on?",
        "What does privacy cost?",
        "Which synthesiser at which epsilon?",
        "What could an attacker learn?",
    ):
        assert question in text
    for words in ("Best at epsilon 1: Label histograms", "mean of 7 classifiers and 10 splits", "NOT better"):
        assert words in text
    assert re.search(r"accuracy .0\.0\d\d \(.0\.0\d\d to .0\.0\d\d\) and AUC", text)
    for term in ("unit: patient", "adjacency: zero-out", "delta: 1e-5", "sampling: none", "trust model: hospitals"):
        assert term in text


def test_sections_on_classifiers_stay_away(page: str):
    text = _text(page)
    for words in ("Is the federation worth joining?", "Where the paper contradicts itself", "Brier score", "P1 is"):
        assert words not in text
    assert "Results" not in re.findall(r"<h3>(.*?)</h3>", page)
    assert "could not be drawn" not in text


def test_the_section_has_its_tables_and_figures(page: str):
    section = _section(page, "dataset-1-synthesis")
    text = _text(section)
    assert "P2’s Table 1 beside ours" in text
    assert "K nearest neighbours 0.822 0.756 −0.067" in text
    assert section.count("<figure>") == 7
    for words in ("cf. P1 Fig. 13", "cf. P1 Fig. 16", "Other synthesisers’ rows", "Age gap", "missing", "Settings of"):
        assert words in text
    for heading in ("Tested on the hospital's own held-out patients", "What the tables give away", "Likeness, part 1"):
        assert heading in text
    # Single columns are shown by the figure, not as measures of the table.
    assert "Ks, age" not in text


def test_the_privacy_section_has_every_synthesiser_and_the_control(page: str):
    text = _text(_section(page, "privacy"))
    assert "Label histograms, epsilon 1 patient zero-out 1 pld 1e-5" in text
    assert "Control: deliberately overfitted model, density ratio AUC 0.940" in text
    assert "Against Federated CTGAN without a guarantee, in mean AUC: at epsilon 1" in text
    assert "means over classifiers trained on its rows" in text
    assert "CTGAN without packing" not in text
    assert "NOT DETECTED" not in text


def test_no_epsilon_stands_without_its_terms(page: str):
    for name in ("answer", "dataset-1-synthesis", "privacy"):
        text = _text(_section(page, name)).lower()
        for word in ("epsilon", "unit", "adjacency", "delta", "sampling", "trust model"):
            assert word in text, (name, word)


def test_figures_are_files(synthesis_reported: Path):
    names = {path.name for path in (synthesis_reported / "figures").iterdir()}
    assert {"heart_disease-synthesis-columns.svg", "heart_disease-synthesis-epsilon.png"} <= names


@pytest.mark.slow
def test_the_report_is_reproducible(synthesis_reported: Path, page: str, tmp_path: Path):
    again = Path(shutil.copytree(synthesis_reported, tmp_path / "run"))
    assert make_report(again).read_text(encoding="utf-8") == page


@pytest.mark.usefixtures("plain_figures")
def test_little_is_enough(tmp_path: Path):
    document = dataset()
    document["arms"] = {"mine": {"title": "Mine <b>", "synthesis": {"kind": "mine"}}}
    document["synthesis"] = None
    del document["selection"]
    text = _text(_report(tmp_path, document))
    assert "reach no defined AUC; they were not held against real rows" in text
    assert "Mine <b>" in text
    assert "No privacy guarantee is claimed for these arms: Mine <b>" in text


@pytest.mark.usefixtures("plain_figures")
def test_private_arms_alone_are_reported(tmp_path: Path):
    document = dataset()
    document["arms"] = {name: arm for name, arm in document["arms"].items() if arm.get("privacy")}
    text = _text(_report(tmp_path, document))
    assert "Every synthesiser here has a privacy guarantee" in text
    assert "No arm without a guarantee stands beside the private ones" in text
    assert "Best at epsilon 10: Marginal tree" in text


@pytest.mark.usefixtures("plain_figures")
def test_one_split_says_so(tmp_path: Path):
    document = json.loads(json.dumps(dataset(), default=lambda value: value.tolist()))
    document["synthesis"]["splits"] = 1
    for metrics in (document["synthesis"]["real_metrics"], *(arm["metrics"] for arm in document["arms"].values())):
        for metric in metrics.values():
            metric["seeds"] = metric.get("seeds", [])[:1]
    text = _text(_report(tmp_path, document))
    assert "one split cannot tell; they are set against real rows" in text
    assert "(no paired interval)" in text


@pytest.mark.usefixtures("plain_figures")
def test_classifiers_and_synthesisers_of_one_dataset_keep_apart(example: Path, tmp_path: Path):
    folder = Path(shutil.copytree(example, tmp_path / "run"))
    without = make_report(folder).read_text(encoding="utf-8")
    assert "synthetic" not in _text(without).lower()
    results = load_run(folder).results
    heart, made = results.datasets["heart_disease"], DatasetResult.model_validate(dataset())
    heart.arms = {**heart.arms, **made.arms}
    heart.synthesis = made.synthesis
    save_results(results, folder / "results.json")
    page = make_report(folder).read_text(encoding="utf-8")
    answer = _text(_section(page, "answer"))
    assert answer.index("Is the federation worth joining?") < answer.index(
        "Are the synthetic patients worth training on?"
    )
    # The classifiers' tables are what they were, word for word.
    anchor = next(place for place in ("dataset-1", "dataset-2") if "UCI Heart" in _section(page, place)[:200])
    table = _section(page, anchor)
    assert "Federated CTGAN" not in table
    assert table.split("Arms of")[1].split("</table>")[0] in without
    assert "Label histograms, epsilon 1" in _text(_section(page, "privacy"))


@pytest.mark.usefixtures("plain_figures")
def test_runs_are_compared_by_what_classifiers_reach(tmp_path: Path):
    for name in ("one", "two"):
        write_synthesis_run(tmp_path / name)
    page = make_report(tmp_path / "one", [tmp_path / "two"]).read_text(encoding="utf-8")
    text = _text(_section(page, "runs"))
    assert re.search(r"Federated CTGAN 0\.8\d\d 0\.8\d\d–0\.8\d\d 0\.89", text)
