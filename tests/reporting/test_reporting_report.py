from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from reporting_example import write_run

from data.errors import TffHealthError
from tff_health.reporting.figures.registry import registered_figures
from tff_health.reporting.report import make_report

ODD = "<script>alert('x')</script>"


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three figures instead of all, for tests that are about the words."""
    few = [figure for figure in registered_figures() if figure.name in ("roc", "reliability", "confusion")]
    monkeypatch.setattr("tff_health.reporting.figures.drawing.registered_figures", lambda: few)


def _edit(folder: Path, change: Any) -> None:
    path = folder / "results.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def test_report_is_one_small_file_without_network(reported: Path):
    page = (reported / "report.html").read_text(encoding="utf-8")
    assert len(page) < 5_000_000
    assert page.count("<script") == 1  # the page's own
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert not re.search(r"url\((?!data:)", page)
    figures = {path.name for path in (reported / "figures").iterdir()}
    assert {"heart_disease-roc.svg", "heart_disease-roc.png", "patient_cohort-pairs.svg"} <= figures
    assert not list(reported.rglob("*.part"))


def test_report_says_what_it_must(reported: Path):
    page = (reported / "report.html").read_text(encoding="utf-8")
    text = _text(page)
    results = json.loads((reported / "results.json").read_text(encoding="utf-8"))
    accuracy = results["datasets"]["heart_disease"]["arms"]["fedyogi"]["metrics"]["test/accuracy"]
    for words in (
        results["question"],
        "Internal. This report contains scores on real held-out patients",
        f"{accuracy['value']:.3f}",
        f"{accuracy['low']:.3f}\N{EN DASH}{accuracy['high']:.3f}",
        "No privacy guarantee is claimed for these arms: Paper's listing; Alone; Pooled; FedAvg; FedYogi.",
        "FedYogi was chosen by log loss: a fifth of each hospital's training patients",
        "Standardised with federated global moments",
        results["command"],
        'experiment = "five-round"'.replace('"', "&#34;"),
        "Fig. 12 against Table 1",
    ):
        assert words.replace("'", "&#39;") in text, words
    assert 'lang="en-GB"' in page
    assert not re.search(r"<th(?![^>]*scope=)[\s>]", page)
    assert page.count("<img") == page.count('alt="') == len(list((reported / "figures").glob("*.svg")))


@pytest.mark.usefixtures("few_figures")
def test_the_same_folder_gives_the_same_report(run_folder: Path):
    first = make_report(run_folder).read_bytes()
    assert make_report(run_folder).read_bytes() == first


def test_odd_names_appear_escaped_and_stay_out_of_file_names(run_folder: Path):
    def rename(document: dict[str, Any]) -> None:
        dataset = document["datasets"].pop("heart_disease")
        document["datasets"] = {ODD: dataset}
        document["title"] = dataset["title"] = dataset["notes"][0] = dataset["positive"] = ODD
        dataset["arms"]["fedyogi"]["title"] = f"{ODD} & $x_1$"
        dataset["hospitals"][ODD] = dataset["hospitals"].pop("va")
        document["references"] = []

    _edit(run_folder, rename)
    for name in ("rounds.csv", "predictions.csv"):
        frame = pd.read_csv(run_folder / name).replace({"heart_disease": ODD, "va": ODD})
        frame.to_csv(run_folder / name, index=False)
    (run_folder / "settings.toml").write_text(f'title = "{ODD}"\n')
    page = make_report(run_folder).read_text(encoding="utf-8")
    assert page.count("<script") == 1  # the page's own
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; $x_1$" in page
    assert "could not be drawn" not in page
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", path.name) for path in (run_folder / "figures").iterdir())
    assert list((run_folder / "figures").glob("*-roc.svg"))


@pytest.mark.usefixtures("few_figures")
def test_results_alone_are_enough(run_folder: Path):
    for name in ("rounds.csv", "predictions.csv", "settings.toml"):
        (run_folder / name).unlink()
    page = make_report(run_folder).read_text(encoding="utf-8")
    assert "Reliability of predicted risks" not in page
    assert "Confusion matrices" in page
    assert "<h3>settings.toml</h3>" not in page


def test_undefined_values_are_dashes(run_folder: Path):
    def undefine(document: dict[str, Any]) -> None:
        del document["datasets"]["paper_mock"]
        for arm in document["datasets"]["heart_disease"]["arms"].values():
            for name, metric in arm["metrics"].items():
                if name.endswith("/auc"):
                    metric.update(value=None, low=None, high=None, seeds=[None, None])

    _edit(run_folder, undefine)
    page = make_report(run_folder).read_text(encoding="utf-8")
    assert "AUC not defined" in _text(page)
    assert "could not be drawn" not in page
    assert "None" not in _text(page)


@pytest.mark.usefixtures("few_figures")
def test_one_real_dataset_without_references_or_selection(tmp_path: Path):
    write_run(tmp_path / "run", datasets=("heart_disease",))
    _edit(tmp_path / "run", lambda document: document.update(references=[]))
    _edit(tmp_path / "run", lambda document: document["datasets"]["heart_disease"].update(selection=None))
    page = make_report(tmp_path / "run").read_text(encoding="utf-8")
    assert 'id="paper"' not in page
    assert 'id="contradictions"' not in page
    assert "Simulated patient cohort" not in page
    assert "no selection was recorded" in page


@pytest.mark.usefixtures("few_figures")
def test_a_run_without_arms_makes_a_report(run_folder: Path):
    def strip(document: dict[str, Any]) -> None:
        for dataset in document["datasets"].values():
            dataset["arms"] = {}
            dataset["statistics"] = None

    _edit(run_folder, strip)
    page = make_report(run_folder).read_text(encoding="utf-8")
    assert "the run does not say whether to join" in _text(page)
    assert "No arm was trained in this run." in page
    assert "<strong>Internal.</strong>" not in page


@pytest.mark.usefixtures("few_figures")
def test_privacy_is_stated_with_all_that_it_rests_on(run_folder: Path):
    guarantee = {
        "unit": "patient",
        "adjacency": "add-remove",
        "mechanism": "DP-SGD",
        "sampling": "Poisson",
        "epsilon": 1.5,
        "delta": 1e-5,
        "accountant": "pld",
        "trust_model": "the server sees noisy sums",
        "secure_aggregation": "simulated",
        "noise_multiplier": 1.1,
    }

    def protect(document: dict[str, Any]) -> None:
        arms = document["datasets"]["heart_disease"]["arms"]
        arms["fedyogi"]["privacy"] = guarantee
        arms["fedavg"]["privacy"] = {**guarantee, "epsilon": None}

    _edit(run_folder, protect)
    text = _text(make_report(run_folder).read_text(encoding="utf-8"))
    assert "FedYogi patientadd-remove1.5pld1e-5" in text
    assert "NOT SECURE: secure aggregation is simulated here" in text
    assert "FedAvg no guarantee" in text
    for name, words in (("Adjacency", "add-remove"), ("Sampling", "Poisson"), ("Trust model", "the server sees")):
        assert f"{name}{words}" in text
    assert "noise multiplier1.1" in text
    assert "No arm is differentially private" not in text


@pytest.mark.usefixtures("few_figures")
def test_several_runs_stand_side_by_side(run_folder: Path, tmp_path: Path):
    other = write_run(tmp_path / "other", datasets=("heart_disease",), seed=9)
    page = make_report(run_folder, [tmp_path / "other"]).read_text(encoding="utf-8")
    table = page.split('id="runs"')[1].split("</section>")[0]
    assert f"{other.datasets['heart_disease'].arms['fedyogi'].metric('test/auc').value:.3f}" in table
    assert "2: accuracy" in table
    assert not (tmp_path / "other" / "report.html").exists()


@pytest.mark.usefixtures("few_figures")
def test_an_unusable_folder_is_one_clear_sentence(run_folder: Path, tmp_path: Path):
    with pytest.raises(TffHealthError, match="is not a folder"):
        make_report(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TffHealthError, match=r"results\.json does not exist"):
        make_report(tmp_path / "empty")
    (run_folder / "predictions.csv").write_text("dataset,arm\nx,y\n")
    with pytest.raises(TffHealthError, match=r"predictions\.csv has no column 'seed'"):
        make_report(run_folder)
    (run_folder / "predictions.csv").write_text("dataset,arm,seed,hospital,patient,label,score\nx,y,1,h,0,1,high\n")
    with pytest.raises(TffHealthError, match="column 'score' holds text"):
        make_report(run_folder)
    (run_folder / "results.json").write_text("{")
    with pytest.raises(TffHealthError, match="cannot be read as JSON") as caught:
        make_report(run_folder)
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("few_figures")
def test_a_report_that_cannot_be_written_leaves_the_old_one(reported: Path, tmp_path: Path):
    folder = Path(shutil.copytree(reported, tmp_path / "run"))
    shutil.rmtree(folder / "figures")
    (folder / "figures").write_text("a file where the folder belongs")
    with pytest.raises(TffHealthError, match="cannot be written"):
        make_report(folder)
    assert (folder / "report.html").read_bytes() == (reported / "report.html").read_bytes()
