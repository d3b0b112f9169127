"""Figures on privacy, and Fig. 10 of the paper against the measured curve."""

from __future__ import annotations

from pathlib import Path

import pytest

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting.contradictions import contradictions
from tff_health.reporting.figures.compared_arms import compared_arms
from tff_health.reporting.figures.registry import DrawnFigure, draw, registered_figures
from tff_health.reporting.paper import compare
from tff_health.reporting.privacy_curve import privacy_curves
from tff_health.reporting.record import Run, load_run
from tff_health.reporting.results import DatasetResult

HEART = "heart_disease"


@pytest.fixture
def run(example: Path) -> Run:
    return load_run(example)


@pytest.fixture
def heart(run: Run) -> DatasetResult:
    return run.results.datasets[HEART]


def _figure(name: str, run: Run) -> DrawnFigure | None:
    found = draw(next(figure for figure in registered_figures() if figure.name == name), run.record(HEART))
    assert found is None or not found.failure, found
    return found


def _without_privacy(dataset: DatasetResult) -> None:
    for arm in dataset.arms.values():
        arm.privacy, arm.membership, arm.audit, arm.secure_aggregation = None, {}, None, "none"


def test_a_curve_needs_two_epsilons_of_a_unit(run: Run, heart: DatasetResult):
    (curve,) = privacy_curves(heart)
    assert (curve.unit, curve.counterpart) == ("patient", "fedavg")
    assert curve.arms == ("fedavg-patient-dp-eps1", "fedavg-patient-dp-eps3")
    assert curve.label == "FedAvg, patient-level DP, shared noise"
    figure = _figure("privacy-utility", run)
    assert figure is not None
    assert figure.paper == "Fig. 10"
    assert figure.section == "privacy"
    for words in ("at epsilon 1", "at epsilon 3", "rises with epsilon", "is impossible", "adjacency: zero-out"):
        assert words in figure.caption
    del heart.arms["fedavg-patient-dp-eps1"]
    assert privacy_curves(heart) == []
    assert _figure("privacy-utility", run) is None


def test_figures_on_privacy_are_left_out_where_there_is_nothing(run: Run, heart: DatasetResult):
    figure = _figure("membership", run)
    assert figure is not None
    assert "LiRA, the headline attack, is above guessing on 6 of 9 arms" in figure.caption
    assert "AUC 0.930 (0.890 to 0.970), so the attack works" in figure.caption
    heart.membership_control = {}
    without = _figure("membership", run)
    assert without is not None
    assert "no control, the attack proves nothing" in without.caption
    _without_privacy(heart)
    for name in ("membership", "audit", "privacy-utility", "rounds-private"):
        assert _figure(name, run) is None


def test_many_arms_leave_curves_legible(run: Run, heart: DatasetResult):
    strict = heart.arms["fedavg-patient-dp-eps1"]
    for number in range(5):
        heart.arms[f"more-{number}-eps5"] = strict.model_copy(deep=True, update={"title": f"More {number}"})
        heart.arms[f"more-{number}-eps5"].privacy.epsilon = 5.0 + number  # type: ignore[union-attr]
    chosen = compared_arms(heart)
    assert len(heart.shown_arms) == 14
    assert len(chosen) == 8
    assert {"fedyogi", "alone", "pooled", "fedavg-patient-dp-eps1", "fedavg-hospital-dp"} <= set(chosen)
    figures = {name: _figure(name, run) for name in ("rounds", "roc", "confusion", "arms", "rounds-private", "audit")}
    assert all(figures.values())
    assert "6 more arms in the table" in figures["roc"].caption  # type: ignore[union-attr]
    assert "under Privacy" in figures["rounds"].caption  # type: ignore[union-attr]


def test_figure_10_gets_our_values_where_the_epsilons_agree(run: Run, heart: DatasetResult):
    rows = [one for one in compare(run.results) if one.source == "P1 Fig. 10"]
    assert [(one.row, one.ours) for one in rows] == [("epsilon 0.1", None), ("epsilon 0.5", None)]
    assert "at epsilon 1" in rows[0].why
    assert "adjacency: zero-out" in rows[0].why
    for name, epsilon in (("fedavg-patient-dp-eps1", 0.0999), ("fedavg-patient-dp-eps3", 0.5)):
        heart.arms[name].privacy.epsilon = epsilon  # type: ignore[union-attr]
    rows = [one for one in compare(run.results) if one.source == "P1 Fig. 10"]
    ours = [
        heart.arms[name].metric("test/accuracy").value for name in ("fedavg-patient-dp-eps1", "fedavg-patient-dp-eps3")
    ]
    assert [(one.arm, one.dataset, one.ours) for one in rows] == [
        ("fedavg-patient-dp-eps1", HEART, ours[0]),
        ("fedavg-patient-dp-eps3", HEART, ours[1]),
    ]
    claim = next(one for one in contradictions(run.results) if one.place.startswith("Fig. 10"))
    assert "cannot fall as epsilon grows" in claim.problem
    assert "rises with epsilon" in claim.here
    assert f"{ours[1]:.3f}" in claim.here


def test_a_measured_fall_is_printed_as_such(run: Run, heart: DatasetResult):
    first, last = (heart.arms[f"fedavg-patient-dp-eps{number}"].metrics["test/accuracy"] for number in (1, 3))
    first.value, first.low, first.high = 0.9, 0.88, 0.92
    last.value, last.low, last.high = 0.7, 0.68, 0.72
    claim = next(one for one in contradictions(run.results) if one.place.startswith("Fig. 10"))
    assert "falls with epsilon beyond the intervals" in claim.here
