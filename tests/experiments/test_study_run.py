"""Studies as users run them: whole, killed, stopped, with cells that fail."""

from __future__ import annotations

import csv
import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest
from running_study import start, timeless, wait_until
from small_experiment import run
from small_study import PRIVATE, TROUBLED, TROUBLED_DATA, write_study

from tff_health.experiments.studies.folder import read_study
from tff_health.reporting.results import load_results

SLOW_FIXTURES = ("finished",)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def begun(folder: Path) -> bool:
    """Whether a cell has trained a round and no cell has finished."""
    return any(len(path.read_text("utf-8").splitlines()) > 3 for path in folder.glob("cells/*/rounds.csv"))


def test_a_study_leaves_results_a_report_and_its_cells(finished):
    results = load_results(finished / "results.json")
    assert results.experiment == "tiny"
    assert results.seeds == {"paper_mock": [1, 2]}
    cells = [load_results(finished / "cells" / f"paper_mock-seed-{seed}" / "results.json") for seed in (1, 2)]
    for name, arm in results.datasets["paper_mock"].arms.items():
        values = [cell.datasets["paper_mock"].arms[name].metric("test/loss").value for cell in cells]
        assert arm.metric("test/loss").seeds == values
        assert arm.metric("test/loss").value == pytest.approx(sum(values) / 2)
        assert arm.metric("test/loss").low < arm.metric("test/loss").value < arm.metric("test/loss").high
    report = (finished / "report.html").read_text("utf-8")
    assert 'href="cells/paper_mock-seed-2/report.html"' in report
    assert (finished / "cells" / "paper_mock-seed-2" / "report.html").exists()
    table = rows(finished / "cells.csv")
    assert all(0.1 < float(row["peak_gib"]) < 8 for row in table)
    assert [(row["cell"], row["status"]) for row in table] == [
        ("paper_mock-seed-1", "done"),
        ("paper_mock-seed-2", "done"),
    ]
    assert {row["metric"] for row in rows(finished / "summary.csv")} >= {"test/auc", "test/accuracy"}
    assert read_study(finished).study == "tiny"


def test_resuming_a_finished_study_runs_nothing(tiny, finished):
    written = {path: path.stat().st_mtime_ns for path in (finished / "cells").rglob("*") if path.is_file()}
    before = timeless(finished)
    done = run("study", str(tiny), "--out", str(finished), "--resume")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in (finished / "cells").rglob("*") if path.is_file()} == written
    assert timeless(finished) == before


def test_other_settings_are_not_mixed(tiny, finished):
    done = run("study", str(tiny), "--out", str(finished), "--resume", "--set", "experiment.rounds=3")
    assert done.returncode == 2
    assert "paper_mock-seed-1 differs" in done.stderr
    done = run("study", str(tiny), "--out", str(finished))
    assert done.returncode == 2
    assert "--resume" in done.stderr
    done = run("study", str(tiny), "--out", str(finished.parent / "nothing"), "--resume")
    assert done.returncode == 2
    assert "no study to resume" in done.stderr


def test_another_arm_to_compare_with_is_taken_up_without_running_a_cell(tiny, finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    arms = list(load_results(folder / "results.json").datasets["paper_mock"].arms)
    for reference in arms:
        done = run("study", str(tiny), "--out", str(folder), "--resume", "--set", f"reference={reference}")
        assert done.returncode == 0, done.stderr
        compared = load_results(folder / "results.json").datasets["paper_mock"].comparisons
        assert {one.against for one in compared} == {reference}
    for path in (finished / "cells").glob("*/results.json"):
        assert (folder / path.relative_to(finished)).read_bytes() == path.read_bytes()


def test_cells_of_other_code_are_not_mixed_in_unawares(tiny, finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "code.txt").write_text("0" * 64 + "\n", "utf-8")
    refused = run("study", str(tiny), "--out", str(folder), "--resume")
    assert refused.returncode == 2
    assert "was made by other code than this" in refused.stderr
    assert "--mixed-code" in refused.stderr
    accepted = run("study", str(tiny), "--out", str(folder), "--resume", "--mixed-code")
    assert accepted.returncode == 0, accepted.stderr
    notes = load_results(folder / "results.json").datasets["paper_mock"].notes
    assert "2 versions of the code" in notes[0]


def test_a_report_can_be_made_again(finished):
    (finished / "report.html").unlink()
    done = run("report", str(finished))
    assert done.returncode == 0, done.stderr
    assert (finished / "report.html").exists()


@pytest.mark.slow
def test_ctrl_c_ends_with_4_and_says_how_to_go_on(tiny, tmp_path):
    folder = tmp_path / "stopped"
    process = start(tiny, folder, "--jobs", "2")
    wait_until(process, lambda: (folder / "cells").exists() and any((folder / "cells").iterdir()))
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 4, errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


@pytest.mark.slow
def test_cells_that_fail_leave_the_others_alone(tmp_path):
    (tmp_path / "mine.py").write_text(TROUBLED_DATA, "utf-8")
    path = write_study(tmp_path, TROUBLED)
    done = run("study", str(path), "--out", "out", "--jobs", "2", "--quiet", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cell mine-seed-2 failed: hospital south, column age" in done.stderr
    assert "cell mine-seed-3 failed: its process was ended by signal 9" in done.stderr
    assert "2 of 4 cells done" in done.stdout
    table = {row["seed"]: (row["status"], row["reason"]) for row in rows(tmp_path / "out" / "cells.csv")}
    assert [table[seed][0] for seed in "1234"] == ["done", "failed", "failed", "done"]
    assert "column age" in table["2"][1]
    results = load_results(tmp_path / "out" / "results.json")
    assert results.seeds == {"mine": [1, 4]}
    assert results.datasets["mine"].notes[0].startswith("2 of 4 cells have not finished")
    assert "column age" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_a_private_study_counts_every_cell(tmp_path):
    done = run("study", str(write_study(tmp_path, PRIVATE)), "--out", str(tmp_path / "out"), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    dataset = load_results(tmp_path / "out" / "results.json").datasets["breast_cancer"]
    cells = [
        load_results(path).datasets["breast_cancer"]
        for path in sorted((tmp_path / "out" / "cells").glob("*/results.json"))
    ]
    assert len(cells) == 3
    for name, epsilon in (("patient-epsilon-1", 1.0), ("patient-epsilon-10", 10.0)):
        privacy = dataset.arms[name].privacy
        assert privacy
        assert 0.97 * epsilon < privacy.epsilon <= epsilon
        assert dataset.arms[name].membership["lira"].shadows == 4  # from the one attacked cell
    (total,) = dataset.ledger
    assert total.epsilon > max(cell.ledger[0].epsilon for cell in cells)
    assert "6 models were trained under a patient-level guarantee, in 3 cells" in total.sentence
    assert "plain, the report's statistics used the same patients" in total.sentence
    assert any(note.startswith("Patient level, epsilon 1 minus Plain: AUC") for note in dataset.notes)
    assert (tmp_path / "out" / "figures" / "breast_cancer-privacy-utility.svg").exists()
