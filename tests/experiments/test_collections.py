"""Studies of parts as users run them: whole, killed, stopped, with a part that fails."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from small_experiment import ROOT, SMALL, command, run
from small_study import TINY, TROUBLED_DATA

from data.errors import SettingsError
from tff_health.experiments.collections.loading import load_collection
from tff_health.experiments.collections.plan import plan_collection
from tff_health.experiments.loading import load_settings
from tff_health.experiments.run_folder import read_settings
from tff_health.experiments.studies.loading import read_study_document
from tff_health.reporting.collections.document import CollectionResults, load_collection_results
from tff_health.reporting.results import load_results

SLOW_FIXTURES = ("finished",)
TWO = """
study = "two"
title = "Two parts"
question = "Do both run?"
paper = "P1"
[parts.listing]
title = "The listing"
experiment = "small.toml"
settings = ["rounds=2", "repeats=1"]
quick = ["rounds=1"]
[parts.sweep]
study = "tiny.toml"
"""


def write_two(folder: Path, text: str = TWO) -> Path:
    (folder / "small.toml").write_text(SMALL.format(top=""), "utf-8")
    (folder / "tiny.toml").write_text(TINY, "utf-8")
    path = folder / "two.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_two(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def finished(two: Path) -> Path:
    folder = two.parent / "whole"
    done = run("study", str(two), "--out", str(folder), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 parts done" in done.stdout
    assert "Part 1 of 2, listing: The listing" in done.stderr
    return folder


def timeless(folder: Path) -> CollectionResults:
    results = load_collection_results(folder / "results.json")
    results.environment, results.command = {}, ""
    for part in results.parts.values():
        part.seconds = None
    return results


def start(path: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    words = command("study", str(path), "--out", str(folder), *more)
    return subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(process: subprocess.Popen[str], path: Path) -> None:
    deadline = time.monotonic() + 250
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_parts_are_runs_and_studies_of_their_own(finished: Path):
    listing, sweep = (load_results(finished / "parts" / name / "results.json") for name in ("listing", "sweep"))
    assert list(listing.datasets["paper_mock"].arms)[:2] == ["paper-listing", "fedavg"]
    assert listing.datasets["paper_mock"].arms["fedavg"].rounds[-1].round == 2
    assert list(sweep.datasets["paper_mock"].arms) == [
        "fedavg-client-learning-rate-0.1",
        "fedavg-client-learning-rate-0.5",
    ]
    results = load_collection_results(finished / "results.json")
    assert {name: part.status for name, part in results.parts.items()} == {"listing": "done", "sweep": "done"}
    assert results.parts["listing"].kind == "experiment"
    assert results.parts["sweep"].question == "Does it run?"


def test_rows_have_what_was_measured_and_say_what_was_not(finished: Path):
    rows = {row.row: row for row in load_collection_results(finished / "results.json").rows}
    assert list(rows) == [f"P1.{number}" for number in range(1, 11)]
    figures = {finding.what.split(",")[0]: finding for finding in rows["P1.9"].findings}
    assert list(figures) == [f"Fig. {number}" for number in range(6, 17)]
    assert figures["Fig. 6"].ours == "drawn"
    assert figures["Fig. 13"].ours == ""
    assert figures["Fig. 13"].places == []
    share = figures["Fig. 7"]
    assert share.theirs == "Disease A, share: 33\N{NO-BREAK SPACE}%"
    assert re.fullmatch(r"3\d\N{NO-BREAK SPACE}%", share.ours)
    assert share.places[0].words.endswith("Simulated patient cohort")
    assert [finding.ours for finding in rows["P1.3"].findings] == [""]
    assert rows["P1.10"].findings[0].what == "Listing, client training"
    page = (finished / "report.html").read_text("utf-8")
    assert "P1.3: accuracy and AUC at each guarantee" in page
    assert "not measured" in page


def test_every_link_of_the_report_leads_somewhere(finished: Path):
    page = (finished / "report.html").read_text("utf-8")
    links = {unescape(link) for link in re.findall(r'<a href="([^"]+)"', page)}
    assert len(links) > 8
    for link in links:
        target, _, anchor = link.partition("#")
        text = (finished / unquote(target)).read_text("utf-8") if target else page
        assert not anchor or f'id="{unquote(anchor)}"' in text, link


def test_what_is_finished_is_not_run_again(two: Path, finished: Path):
    before = {path: path.stat().st_mtime_ns for path in finished.glob("parts/**/results.json")}
    first = timeless(finished)
    again = run("study", str(two), "--out", str(finished), "--resume", "--jobs", "2")
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in finished.glob("parts/**/results.json")} == before
    assert timeless(finished) == first
    assert "already holds a study" in run("study", str(two), "--out", str(finished)).stderr
    other = run("study", str(two), "--out", str(finished), "--resume", "--set", "listing.rounds=3")
    assert other.returncode == 2
    assert "other settings" in other.stderr


def test_a_report_can_be_made_again(finished: Path):
    before = (finished / "report.html").read_bytes()
    (finished / "report.html").unlink()
    assert run("report", str(finished)).returncode == 0
    assert (finished / "report.html").read_bytes() == before


def test_a_run_is_set_beside_the_parts_of_a_study(finished: Path, tmp_path: Path):
    first = tmp_path / "listing"
    shutil.copytree(finished / "parts" / "listing", first)
    done = run("report", str(first), str(finished))
    assert done.returncode == 0, done.stderr
    page = (first / "report.html").read_text("utf-8")
    for part in ("listing", "sweep"):
        assert load_results(finished / "parts" / part / "results.json").title in page
    refused = run("report", str(finished), str(first))
    assert refused.returncode == 2
    assert "name one of its parts/ first" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["parts/listing/rounds.csv", "parts/sweep/study.toml"])
def test_a_killed_study_ends_as_if_nothing_had_happened(two: Path, finished: Path, tmp_path: Path, moment: str):
    folder = tmp_path / "killed"
    process = start(two, folder, "--jobs", "2")
    wait_for(process, folder / moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    resumed = run("study", str(two), "--out", str(folder), "--resume", "--jobs", "2")
    assert resumed.returncode == 0, resumed.stderr
    assert timeless(folder) == timeless(finished)


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_with_all_of_it(two: Path, tmp_path: Path):
    folder = tmp_path / "stopped"
    process = start(two, folder, "--jobs", "2")
    wait_for(process, folder / "parts/listing/rounds.csv")
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 4, said
    assert f"--resume --out {folder}\n" in said
    assert f"--out {folder}/parts" not in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_part_that_fails_leaves_the_others_alone(tmp_path: Path):
    (tmp_path / "mine.py").write_text(TROUBLED_DATA, "utf-8")
    (tmp_path / "broken.toml").write_text(
        'experiment = "broken"\ntitle = "Broken"\nseed = 2\n[datasets.mine]\nsource = "mine:load"\n'
        '[datasets.mine.arms.fedavg]\nmethod = "fedavg"\n',
        "utf-8",
    )
    path = write_two(
        tmp_path, TWO.replace("[parts.sweep]", '[parts.broken]\nexperiment = "broken.toml"\n[parts.sweep]')
    )
    folder = tmp_path / "out"
    done = run("study", str(path), "--out", str(folder), "--jobs", "2", cwd=tmp_path)
    assert done.returncode == 1
    assert "part broken failed: hospital south, column age: seed 2 has no rows" in done.stderr
    assert "2 of 3 parts done" in done.stdout
    results = load_collection_results(folder / "results.json")
    assert [part.status for part in results.parts.values()] == ["done", "failed", "done"]
    assert "seed 2 has no rows" in (folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[parts.sweep]", "[parts.sweep]\nexperiment = 'ctgan'"), ["parts.sweep", "either an experiment or a study"]),
        (('study = "tiny.toml"', 'study = "nowhere.toml"'), ["two, part sweep", "no such file"]),
        (('study = "tiny.toml"', 'experiment = "five-rund"'), ["two, part sweep", "did you mean 'five-round'"]),
        (('"rounds=2"', '"ronds=2"'), ["two, part listing", "did you mean 'rounds'"]),
        (("question", "qestion"), ["did you mean 'question'"]),
        (('paper = "P1"', 'paper = "P3"'), ["paper"]),
        (("[parts.listing]", '[parts."../up"]'), ["parts"]),
        (('quick = ["rounds=1"]', 'quick_datasets = ["paper_mok"]'), []),
    ],
)
def test_bad_files_get_one_sentence_and_no_folder(tmp_path: Path, change: tuple[str, str], words: list[str]):
    path, out = write_two(tmp_path, TWO.replace(*change)), tmp_path / "out"
    quick = ["--quick"] if not words else []
    done = run("study", str(path), "--out", str(out), *quick)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    for word in words or ["did you mean 'paper_mock'"]:
        assert word in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("rounds=3", "write PART.key=value"),
        ("listin.rounds=3", "did you mean 'listing'"),
        ("listing.ronds=3", "rounds"),
    ],
)
def test_bad_overrides(two: Path, override: str, words: str):
    done = run("study", str(two), "--dry-run", "--set", override)
    assert done.returncode == 2
    assert words in done.stderr


def test_overrides_and_the_quick_form_reach_the_parts(two: Path):
    document = read_study_document(str(two))
    plan = plan_collection(load_collection(document, str(two), ["sweep.seeds=[7]"], quick=True))
    listing, sweep = (part.work for part in plan.parts)
    assert listing == load_settings(str(two.parent / "small.toml"), ["rounds=1", "repeats=1"])
    assert [cell.seed for cell in sweep.cells] == [7]  # type: ignore[union-attr]
    assert plan.settings.title == "Two parts (quick form)"


def test_a_dry_run_shows_the_parts_without_tensorflow(two: Path):
    code = (
        "import sys; sys.path.insert(0, '.'); from tff_health.experiments.command_line import main; "
        f"code = main(['study', {str(two)!r}, '--dry-run']); "
        "assert not {'tensorflow', 'matplotlib'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "listing: The listing" in done.stdout
    assert "paper_mock: paper-listing, fedavg, fedyogi, alone" in done.stdout
    assert "2 cells" in done.stdout
    assert "About 1 minute with" in done.stdout


@pytest.mark.parametrize("name", ["paper-1", "paper-2"])
@pytest.mark.parametrize("quick", [False, True])
def test_studies_of_papers_are_valid(name: str, quick: bool, tmp_path: Path):
    settings = load_collection(read_study_document(name), name, quick=quick)
    plan = plan_collection(settings, tmp_path)
    assert len(plan.parts) == len(settings.parts)
    assert settings.paper == f"P{name[-1]}"


def test_a_part_can_be_run_alone_from_its_settings(finished: Path):
    settings = read_settings(finished / "parts" / "listing")
    assert load_settings(str(finished / "parts" / "listing" / "settings.toml")) == settings


def test_a_collection_is_told_from_other_studies(tmp_path: Path):
    with pytest.raises(SettingsError, match="is made of parts"):
        load_collection(read_study_document("paper-1"), "paper-1", ["seed=3"])


def test_other_code_is_not_mixed_in_unawares(two: Path, finished: Path, tmp_path: Path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "code.txt").write_text("0" * 64 + "\n", "utf-8")
    refused = run("study", str(two), "--out", str(folder), "--resume")
    assert refused.returncode == 2
    assert "was made by other code than this" in refused.stderr
    accepted = run("study", str(two), "--out", str(folder), "--resume", "--mixed-code")
    assert accepted.returncode == 0, accepted.stderr
    assert "2 versions of the code" in (folder / "report.html").read_text("utf-8")
