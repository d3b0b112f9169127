"""Figures of synthetic images: drawn from the document and its pictures, absent where these hold nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from images_example import ARMS, write_images_run

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting.figures.registry import DrawnFigure, draw, registered_figures
from tff_health.reporting.record import Run, load_run
from tff_health.reporting.results import DatasetResult

NAMES = [figure.name for figure in registered_figures() if figure.section == "images"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_images_run(tmp_path)
    return load_run(tmp_path)


@pytest.fixture
def xrays(run: Run) -> DatasetResult:
    return run.results.datasets["chest_xray"]


def _draw(name: str, run: Run) -> DrawnFigure | None:
    found = draw(next(figure for figure in registered_figures() if figure.name == name), run.record("chest_xray"))
    assert found is None or not found.failure, found
    return found


def test_every_figure_is_drawn_with_its_numbers(run: Run, xrays: DatasetResult):
    assert len(NAMES) == 9
    real = xrays.images.real_metrics["trtr/cnn/auc"].value if xrays.images else None
    words = {
        "images-real-synthetic": f"trained on such alone: {real:.3f} on real images, 0.9",
        "images-arms": f"AUC of the CNN real images {real:.3f} (",
        "images-epsilon": "At epsilon 1 Private DCGAN, the only one tried, CNN AUC 0.5",
        "images-likeness": "Federated DCGAN: FD-clf 16.",
        "images-training": "from update 0 to 2,000; 4 images each of normal and pneumonia",
        "images-losses": "discriminator loss 0.8",
        "images-cleaning": "4 training pictures drawn at random",
        "images-nearest": "Federated DCGAN 0 of 8 pairs, the closest 24.6 dB; ",
        "images-membership": "its control, a deliberately overfitted model, has AUC 0.950",
    }
    for name in NAMES:
        figure = _draw(name, run)
        assert figure is not None, name
        assert words[name] in figure.caption, figure.caption
        assert figure.svg.startswith(b"<?xml")
        assert figure.png.startswith(b"\x89PNG")
    papers = {figure.name: figure.paper for figure in registered_figures() if figure.paper.startswith("P2")}
    assert papers == {"images-real-synthetic": "P2 Figs. 10 and 11", "images-losses": "P2 Fig. 12"}
    # No epsilon without what it rests on.
    epsilon = _draw("images-epsilon", run)
    assert epsilon is not None
    assert "adjacency: zero-out" in epsilon.caption


def test_copies_are_called_copies(run: Run):
    figure = _draw("images-nearest", run)
    assert figure is not None
    assert "Control: DCGAN, 40 images, long training 8 of 8 pairs, the closest a copy" in figure.caption


def test_figures_stay_away_where_there_is_nothing(run: Run, xrays: DatasetResult):
    assert xrays.images is not None
    xrays.images.pictures, xrays.images.real_metrics = "", {}
    for arm in xrays.arms.values():
        assert arm.images is not None
        arm.metrics, arm.membership, arm.privacy = {}, {}, None
        arm.images.history, arm.images.pictures = [], ""
    assert [name for name in NAMES if _draw(name, run) is not None] == []


def test_one_epsilon_makes_no_curve(run: Run, xrays: DatasetResult):
    for name in list(ARMS):
        if name.endswith(("eps1", "eps10")):
            del xrays.arms[name]
    assert _draw("images-epsilon", run) is None
    assert _draw("images-real-synthetic", run) is not None


def test_one_arm_is_enough(run: Run, xrays: DatasetResult):
    for name in list(ARMS):
        if name != "dcgan":
            del xrays.arms[name]
    drawn = [name for name in NAMES if _draw(name, run) is not None]
    assert drawn == [name for name in NAMES if name != "images-epsilon"]


def test_private_arms_alone_are_shown(run: Run, xrays: DatasetResult):
    for name in list(ARMS):
        if xrays.arms[name].privacy is None:
            del xrays.arms[name]
    assert [name for name in NAMES if _draw(name, run) is None] == []


def test_figures_of_classifiers_and_patients_ignore_images(run: Run):
    others = [figure.name for figure in registered_figures() if figure.section != "images"]
    drawn = [name for name in others if _draw(name, run) is not None]
    assert drawn == ["hospitals"]
    hospitals = _draw("hospitals", run)
    assert hospitals is not None
    assert "1,500 training images each" in hospitals.caption
