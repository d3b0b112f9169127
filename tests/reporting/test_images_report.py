"""The report of a run that made synthetic images: alone, beside classifiers, and with a lost file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images_example import ARMS, dataset, write_images_run
from report_text import plain, section
from synthesis_example import dataset as heart_disease

from tff_health.evaluation.t_interval import paired
from tff_health.reporting.figures.registry import registered_figures
from tff_health.reporting.record import load_run
from tff_health.reporting.report import make_report
from tff_health.reporting.results import DatasetResult, load_results, save_results
from tff_health.reporting.synthesis.views import classifier_view, privacy_view


@pytest.fixture(scope="module")
def page(images_reported: Path) -> str:
    return (images_reported / "report.html").read_text(encoding="utf-8")


def _report(folder: Path, document: dict[str, Any]) -> str:
    write_images_run(folder, {"chest_xray": document})
    return make_report(folder).read_text(encoding="utf-8")


def test_the_top_answers_with_the_paired_gap_of_the_network(page: str, images_reported: Path):
    answer = section(page, "answer")
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", answer) == ["Are the synthetic images worth training on?"]
    text = plain(answer)
    run = load_results(images_reported / "results.json").datasets["chest_xray"]
    assert run.images is not None
    made = run.arms["dcgan"].metrics["tstr/cnn/auc"]
    real = run.images.real_metrics["trtr/cnn/auc"]
    gap = paired(made.seeds, real.seeds)
    assert gap.value is not None
    assert gap.low is not None
    assert gap.high is not None
    words = f"AUC {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})".replace("-", "\N{MINUS SIGN}")
    assert words in text
    assert f"reaches AUC {made.value:.3f} (" in text
    assert f"trained on real ones {real.value:.3f} (" in text
    assert "not fully, they do worse than real images" in text
    for question in (
        "Worth training on?",
        "What does privacy cost?",
        "Which private arm at which epsilon?",
        "How like real images are they?",
        "What could an attacker learn?",
    ):
        assert question in text
    for bad in ("MORE ALIKE than real ones", "a clear cost", "times its floor", "less than half of the real images"):
        assert bad in text
    for term in ("unit: patient", "adjacency: zero-out", "delta: 1e-5", "sampling: none", "trust model: hospitals"):
        assert term in text


def test_the_caveats_are_those_of_images(page: str):
    text = plain(section(page, "answer"))
    for words in (
        "images have 28 x 28 pixels",
        "PneumoniaMNIST does not tell patients, so a patient is an image here",
        "3 seeds only; intervals over so few are wide",
        "all seeds share their training and held-out images",
        "must not be set beside published Fréchet inception distances (FID)",
        "NOT SECURE",
        "No guarantee covers this report itself",
    ):
        assert words in text
    assert "It shows images of real patients." in plain(page.split("<main>")[0])


def test_sections_on_classifiers_and_patients_stay_away(page: str):
    text = plain(page)
    for words in ("Is the federation worth joining?", "Where the paper contradicts itself", "Brier score", "P1 is"):
        assert words not in text
    for words in ("Synthetic patients", "synthesiser", "synthetic rows", "could not be drawn"):
        assert words not in text
    assert "Results" not in re.findall(r"<h3>(.*?)</h3>", page)


def test_the_section_has_its_tables_and_figures(page: str):
    found = section(page, "dataset-1-images")
    text = plain(found)
    assert found.count("<figure>") == 9
    for words in (
        "cf. P2 Figs. 10 and 11",
        "cf. P2 Fig. 12",
        "What P2 promises of its chest X-rays",
        "3 of 3 classifiers do clearly worse",
        "ResNet-18 (MedMNIST v2) accuracy 0.854",
        "CNN of 93,249 weights (course MPHY 6120) AUC 0.955",
        "Trained on a tenth of the real images and the synthetic ones",
        "Logistic regression: accuracy",
        "FD-clf over floor 1 ideal",
        "MS-SSIM, synthetic",
        "PSNR to closest training image (dB)",
        "AUC against no guarantee",
        "Bytes sent by a hospital",
        "Nearly repeated images",
        "Settings of the generators (7)",
    ):
        assert words in text, words
    assert "Control: DCGAN, 40 images, long training" in text


def test_the_privacy_section_has_every_generator_and_the_control(page: str):
    text = plain(section(page, "privacy"))
    assert "Private DCGAN, epsilon 1 patient zero-out 0.999 pld 1e-5" in text
    assert "Control: deliberately overfitted model, nearest neighbour AUC 0.950" in text
    assert "Against Federated DCGAN without a guarantee, in CNN AUC: at epsilon 1" in text
    assert "those of a classifier trained on them alone" in text
    assert "DCGAN without augmentation" not in text
    assert "NOT DETECTED" not in text


def test_no_epsilon_stands_without_its_terms(page: str):
    for name in ("answer", "dataset-1-images", "privacy"):
        text = plain(section(page, name)).lower()
        for word in ("epsilon", "unit", "adjacency", "delta", "sampling", "trust model"):
            assert word in text, (name, word)


def test_the_glossary_explains_the_measures(page: str):
    text = plain(section(page, "glossary"))
    for words in ("FD-clf, floor, ratio", "SSIM, MS-SSIM", "PSNR", "over seeds, Student’s t", "DCGAN conditioned on"):
        assert words in text
    assert "Pooled DCGAN A DCGAN conditioned on the class, fitted on images in one place." in text


def test_figures_are_files_and_the_document_survives(images_reported: Path):
    names = {path.name for path in (images_reported / "figures").iterdir()}
    assert {"chest_xray-images-nearest.svg", "chest_xray-images-real-synthetic.png"} <= names
    run = load_run(images_reported)
    classifiers = classifier_view(run).results.datasets["chest_xray"]
    assert classifiers.arms == {}
    judged = privacy_view(run).results.datasets["chest_xray"]
    assert list(judged.membership_control) == ["nearest", "calibrated-nearest"]
    assert set(judged.arms) == {name for name in ARMS if "no-" not in name and "over" not in name}
    arm = judged.arms["dcgan"]
    assert arm.metric("test/auc") == arm.metric("tstr/cnn/auc") != arm.metric("tstr/mean/auc")


@pytest.mark.slow
def test_the_report_on_images_is_reproducible(images_reported: Path, page: str, tmp_path: Path):
    again = Path(shutil.copytree(images_reported, tmp_path / "run"))
    assert make_report(again).read_text(encoding="utf-8") == page


@pytest.mark.usefixtures("plain_figures")
def test_images_patients_and_classifiers_of_one_run_keep_apart(example: Path, tmp_path: Path):
    folder = Path(shutil.copytree(example, tmp_path / "run"))
    without = make_report(folder).read_text(encoding="utf-8")
    results = load_run(folder).results
    datasets = {
        **results.datasets,
        "cleveland": DatasetResult.model_validate(heart_disease()),
        "chest_xray": DatasetResult.model_validate(dataset()),
    }
    save_results(results.model_copy(update={"datasets": datasets}), folder / "results.json")
    page = make_report(folder).read_text(encoding="utf-8")
    answer = plain(section(page, "answer"))
    places = [
        answer.index(words)
        for words in (
            "Is the federation worth joining?",
            "Are the synthetic patients worth training on?",
            "Are the synthetic images worth training on?",
        )
    ]
    assert places == sorted(places)
    # The classifiers' tables are what they were, word for word.
    anchor = next(place for place in ("dataset-1", "dataset-2") if "UCI Heart" in section(page, place)[:200])
    table = section(page, anchor)
    assert "DCGAN" not in table
    assert table.split("Arms of")[1].split("</table>")[0] in without
    images = re.findall(r'<section id="(dataset-\d-images)"', page)
    assert len(images) == 1
    assert len(re.findall(r'<section id="dataset-\d-synthesis"', page)) == 1
    assert "DCGAN" not in section(page, re.findall(r'<section id="(dataset-\d-synthesis)"', page)[0])
    assert "CTGAN" not in section(page, images[0])


@pytest.mark.usefixtures("plain_figures")
def test_runs_are_compared_by_what_the_network_reaches(tmp_path: Path):
    for name in ("one", "two"):
        write_images_run(tmp_path / name)
    page = make_report(tmp_path / "one", [tmp_path / "two"]).read_text(encoding="utf-8")
    auc = load_results(tmp_path / "two" / "results.json").datasets["chest_xray"].arms["dcgan"].metrics["tstr/cnn/auc"]
    assert np.isfinite(auc.value or np.nan)
    assert re.search(rf"Federated DCGAN 0\.\d+ \S+ {auc.value:.3f}", plain(section(page, "runs")))


def test_a_lost_file_leaves_a_report_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wanted = [figure for figure in registered_figures() if figure.name in ("images-arms", "images-cleaning")]
    monkeypatch.setattr("tff_health.reporting.figures.drawing.registered_figures", lambda: wanted)
    write_images_run(tmp_path)
    (tmp_path / "pictures" / "real.npz").unlink()
    page = make_report(tmp_path).read_text(encoding="utf-8")
    words = "This figure could not be drawn: pictures/real.npz is missing from the run folder: restore the file"
    assert plain(page).count(words) == 1
    assert page.count("<figure>") == 2
    assert [path.stem for path in (tmp_path / "figures").glob("*.svg")] == ["chest_xray-images-arms"]


@pytest.mark.usefixtures("plain_figures")
def test_titles_of_users_cannot_write_html(tmp_path: Path):
    document = dataset()
    document["arms"]["dcgan"]["title"] = "<script>alert(1)</script>"
    document["images"]["classes"] = ("<b>normal</b>", "$x$")
    page = _report(tmp_path, document)
    assert page.count("<script") == 1  # the page's own
    assert "<b>normal</b>" not in page
