"""Names that a page, a shell, a disk or a spreadsheet might take amiss, through whole runs as users run them.

What is refused on purpose is tested in test_refused_names.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import odd_names as odd
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from odd_names_checks import Page, check_markup, check_run_folder, listing, tables_with
from odd_names_page import look_at
from small_experiment import ROOT, run
from small_experiment import command as typed

from tff_health.reporting.results import Results, load_results


@dataclass(frozen=True)
class Finished:
    """A run that has ended, and what stood around its folder before and after."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    before: set[Path]
    after: set[Path]

    @property
    def results(self) -> Results:
        return load_results(self.folder / "results.json")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command(self.folder.parents[1], *arguments)


def command(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a working folder, with a user's modules at hand."""
    path = f"{work}:{ROOT}:{ROOT / 'tests' / 'experiments'}"
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        typed(*arguments), cwd=work, env=environment, capture_output=True, text=True, timeout=850, check=False
    )


def finish(root: Path, kind: str, template: str, source: str, *arguments: str) -> Finished:
    work = odd.make_place(root)
    (work / "odd.toml").write_text(odd.settings(template, source), "utf-8")
    before = listing(root)
    done = command(work, kind, "odd.toml", *arguments, "--out", "runs/odd")
    return Finished(work / "runs" / "odd", done, before, listing(root))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Classifiers of hospitals that are CSV files."""
    root = tmp_path_factory.mktemp("files")
    return finish(root, "run", odd.CLASSIFIERS, "table", "--data-dir", "clinics")


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Classifiers of hospitals that a module names."""
    return finish(tmp_path_factory.mktemp("free"), "run", odd.CLASSIFIERS, "free:load")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Synthetic patients of hospitals that a module names, some from one hospital each."""
    return finish(tmp_path_factory.mktemp("generated"), "run", odd.GENERATORS, "free:load")


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two cells of a study on hospitals that are CSV files."""
    root = tmp_path_factory.mktemp("studied")
    return finish(root, "study", odd.STUDY, "table", "--data-dir", "clinics", "--jobs", "2")


def check_finished(finished: Finished) -> Page:
    """What holds of all of them; answers the report."""
    done = finished.done
    assert done.returncode == 0, done.stderr
    for word in ("Traceback", "Warning", "Glyph", "error", "\x1b"):
        assert word not in done.stderr, done.stderr
    assert odd.DATASET in done.stdout or "cells done" in done.stdout
    own = {finished.folder, finished.folder.parent}
    outside = {path for path in finished.after - finished.before if finished.folder not in path.parents}
    assert outside == own
    assert finished.before <= finished.after
    page = check_run_folder(finished.folder)
    assert not any("could not be drawn" in text for text in page.said)
    assert odd.TITLE in page.said
    assert odd.ARM_TITLE in page.said
    assert list(finished.results.datasets) == [odd.DATASET]
    assert finished.results.title == odd.TITLE
    return page


def check_classifiers(finished: Finished, hospitals: tuple[str, ...]) -> None:
    page = check_finished(finished)
    assert set(hospitals) | {odd.AGE, odd.PRESSURE, odd.TARGET} <= page.said
    dataset = finished.results.datasets[odd.DATASET]
    assert set(dataset.hospitals) == set(hospitals)
    assert dataset.target == odd.TARGET
    assert dataset.positive == odd.LABELS[1]
    predictions = pd.read_csv(finished.folder / "predictions.csv", keep_default_na=False)
    assert set(predictions["hospital"]) == set(hospitals)
    assert set(predictions["dataset"]) == {odd.DATASET}
    assert {f"alone/{name}" for name in hospitals} <= set(predictions["arm"])
    assert set(pd.read_csv(finished.folder / "rounds.csv", keep_default_na=False)["dataset"]) == {odd.DATASET}
    assert any(set(frame["Hospital"]) == set(hospitals) for frame in tables_with(finished.folder, "Hospital"))
    assert len(list((finished.folder / "model").glob("*--alone--*.keras"))) == len(hospitals)
    (ledger,) = (finished.folder / "ledger").iterdir()
    entries = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    assert {entry["dataset"] for entry in entries if "dataset" in entry} == {odd.DATASET}
    assert {name for entry in entries for name in entry.get("hospitals") or ()} == set(hospitals)


@pytest.mark.slow
def test_classifiers_of_files(files: Finished):
    check_classifiers(files, odd.FILE_HOSPITALS)
    # Each kind of figure has a file of its own, although the dataset's name has a dot.
    drawn = {path.name.rpartition("v1.2")[2] for path in (files.folder / "figures").glob("*.svg")}
    assert len(drawn) > 8


@pytest.mark.slow
def test_report_of_files_in_a_browser(files: Finished):
    assert look_at(files.folder / "report.html", 400, 1280) == []


@pytest.mark.slow
def test_report_is_made_again_and_the_run_resumed(files: Finished):
    page = (files.folder / "report.html").read_text("utf-8")
    shown = (files.folder / "tables").iterdir()
    tables = {path.name: path.read_bytes() for path in shown}
    for arguments in (
        ["report", "runs/odd"],
        ["run", "odd.toml", "--data-dir", "clinics", "--resume", "--out", "runs/odd", "--quiet"],
    ):
        done = files.command(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert {path.name for path in (files.folder / "tables").iterdir()} == set(tables)
    again = Page((files.folder / "report.html").read_text("utf-8"))
    check_markup(again)
    assert set(odd.FILE_HOSPITALS) <= again.said & Page(page).said


def test_files_are_described_and_checked(tmp_path: Path):
    folder = tmp_path / "x\nconfirmed = true\n[y]"
    odd.write_clinics(folder)
    (folder / "schema.toml").unlink()
    done = run("data", "describe", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    from data.schema_file import read_schema_file

    drafted = read_schema_file(folder / "schema.toml")
    assert not drafted.confirmed
    assert set(drafted.schema.names) == set(odd.COLUMNS)
    assert set(drafted.schema[odd.PAIN].codes) == set(odd.CODES)
    odd.write_clinics(folder)
    # Also on a terminal that has no letters but ASCII's.
    done = run("data", "check", "table", "--data-dir", str(folder), cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert all(name.encode("ascii", "backslashreplace").decode() in done.stdout for name in odd.FILE_HOSPITALS)


@pytest.mark.slow
def test_classifiers_of_a_module(free: Finished):
    check_classifiers(free, odd.FREE_HOSPITALS)
    assert look_at(free.folder / "report.html", 400, 1280) == []


@pytest.mark.slow
def test_synthetic_patients(generated: Finished):
    page = check_finished(generated)
    assert set(odd.FREE_HOSPITALS) | set(odd.COLUMNS) <= page.said
    assert look_at(generated.folder / "report.html", 400, 1280) == []
    labels = ["marginals", "ctgan", *(f"own/{name}" for name in odd.FREE_HOSPITALS)]
    assert set(generated.results.datasets[odd.DATASET].arms) == set(labels)
    for part in ("model", "synthetic", "cards"):
        assert len(list((generated.folder / part).iterdir())) == len(labels)
    for path in (generated.folder / "synthetic").iterdir():
        check_rows(path)
    assert set(pd.read_csv(generated.folder / "scores.csv", keep_default_na=False)["arm"]) >= set(labels)


def check_rows(path: Path) -> None:
    frame = pd.read_csv(path, keep_default_na=False)
    assert tuple(frame.columns) == odd.COLUMNS
    assert set(frame[odd.PAIN]) <= {"", *odd.CODES}  # a generator may leave cells empty
    assert set(frame[odd.TARGET]) <= set(odd.LABELS)


@pytest.mark.slow
def test_cards_are_plain_text(generated: Finished):
    marked = MarkdownIt("commonmark", {"html": True}).enable("table")
    told = []
    for path in (generated.folder / "cards").iterdir():
        page = Page(marked.render(path.read_text("utf-8")))
        assert {tag for tag, _ in page.elements} <= {
            *("h1", "h2", "p", "ul", "li", "code", "pre", "table", "thead", "tbody", "tr", "th", "td")
        }
        told.append("\n".join(page.texts))
    for name in (*odd.FREE_HOSPITALS, odd.TITLE, odd.ARM_TITLE):
        assert any(name in text for text in told), name


@pytest.mark.slow
def test_rows_are_drawn_from_saved_generators(generated: Finished):
    for label in ("marginals", "ctgan"):
        (model,) = (generated.folder / "model").glob(f"*--{label}.npz")
        out = generated.folder.parents[1] / f"{label}.csv"
        done = generated.command(
            *("sample", str(model), "--rows", "30", "--where", f"{odd.PAIN}==none", "--out", str(out))
        )
        assert done.returncode == 0, done.stderr
        check_rows(out)
        assert np.all(pd.read_csv(out, keep_default_na=False)[odd.PAIN] == "=none")
    done = generated.command("sample", str(model), "--rows", "5", "--labels")
    assert done.returncode == 0, done.stderr
    assert odd.PRESSURE in done.stdout.splitlines()[0]


@pytest.mark.slow
def test_a_study_of_files(studied: Finished):
    page = check_finished(studied)
    assert set(odd.FILE_HOSPITALS) <= page.said
    assert {f"{odd.DATASET}, seed 1", f"{odd.DATASET}, seed 2"} <= page.said
    cells = pd.read_csv(studied.folder / "cells.csv", keep_default_na=False)
    assert list(cells["dataset"]) == [odd.DATASET] * 2
    assert all((studied.folder / "cells" / name / "report.html").exists() for name in cells["cell"])
    assert set(pd.read_csv(studied.folder / "summary.csv", keep_default_na=False)["dataset"]) == {odd.DATASET}
    assert look_at(studied.folder / "report.html", 400, 1280) == []
    again = studied.command("study", "odd.toml", "--data-dir", "clinics", "--resume", "--out", "runs/odd", "--quiet")
    assert again.returncode == 0, again.stderr
