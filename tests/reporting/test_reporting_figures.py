from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting.cohort import add_cohort, describe
from tff_health.reporting.figures.distributions import rebinned
from tff_health.reporting.figures.registry import (
    Drawing,
    DrawnFigure,
    draw,
    register_figure,
    registered_figures,
    unregister_figure,
)
from tff_health.reporting.figures.reliability import reliability_bins
from tff_health.reporting.record import Run, RunRecord, load_run
from tff_health.reporting.results import Histogram
from tff_health.reporting.style import RC, arm_styles, plain_text, two_lines

DATASETS = ("paper_mock", "heart_disease", "patient_cohort")
EXPECTED = {
    "paper_mock": {"hospitals", "shares", "distributions", "correlation"},
    "heart_disease": {"hospitals", "shares", "age", "distributions", "correlation"},
    "patient_cohort": {"hospitals", "shares", "age", "distributions", "correlation", "pairs"},
}
PRIVACY_FIGURES = {"privacy-utility", "rounds-private", "membership", "audit"}
RESULT_FIGURES = {"rounds", "arms", "roc", "reliability", "confusion", "by-hospital"}


@pytest.fixture(scope="module")
def run(example: Path) -> Run:
    return add_cohort(load_run(example))


@pytest.fixture(scope="module")
def drawn(run: Run) -> dict[str, dict[str, DrawnFigure]]:
    return {
        name: {
            figure.name: figure
            for registered in registered_figures()
            if (figure := draw(registered, run.record(name))) is not None
        }
        for name in DATASETS
    }


def _draw_one(name: str, record: RunRecord) -> DrawnFigure | None:
    return draw(next(figure for figure in registered_figures() if figure.name == name), record)


@pytest.mark.parametrize("dataset", DATASETS)
def test_each_dataset_gets_its_figures_and_none_is_empty(drawn: dict[str, dict[str, DrawnFigure]], dataset: str):
    results = RESULT_FIGURES if dataset != "patient_cohort" else set()
    private = PRIVACY_FIGURES if dataset == "heart_disease" else set()
    assert set(drawn[dataset]) == EXPECTED[dataset] | results | private
    for figure in drawn[dataset].values():
        assert not figure.failure
        assert figure.svg.lstrip().startswith(b"<?xml")
        pixels = np.asarray(Image.open(io.BytesIO(figure.png)).convert("L"))
        # Ink on the page, and more than a frame of it.
        assert 0.005 < np.mean(pixels < 200) < 0.9, figure.name
        assert figure.caption.endswith(".")
        assert "nan" not in figure.caption.lower().split()
        assert figure.alt != figure.caption


def test_captions_carry_the_numbers(run: Run, drawn: dict[str, dict[str, DrawnFigure]]):
    figures, dataset = drawn["heart_disease"], run.results.datasets["heart_disease"]
    arm = dataset.arms["fedyogi"]
    auc, accuracy, ece = (arm.metric(f"test/{name}") for name in ("auc", "accuracy", "ece"))
    assert f"AUC of {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})" in figures["roc"].caption
    assert f"{accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f}) at round 5" in figures["rounds"].caption
    assert f"{ece.value:.3f}" in figures["reliability"].caption
    confusion = arm.confusion
    assert confusion is not None
    assert f"misses {confusion.fn} of {confusion.fn + confusion.tp} labelled disease" in figures["confusion"].caption
    assert "55.0\N{NO-BREAK SPACE}%" in figures["shares"].caption
    age = dataset.statistics.column("age")  # type: ignore[union-attr]
    assert f"mean {age.mean:.1f}" in figures["age"].caption  # type: ignore[union-attr]
    by_hospital = {name: arm.metric(f"hospital/{name}/accuracy").value for name in dataset.hospitals}
    assert f"{min(by_hospital.values()):.3f}" in figures["by-hospital"].caption  # type: ignore[type-var]
    assert "(the paper's Table 1: 0.60)" in drawn["paper_mock"]["rounds"].caption
    assert "1,500 training patients" in drawn["patient_cohort"]["shares"].caption
    assert "(paper 0.09)" in drawn["patient_cohort"]["correlation"].caption


def test_real_rows_are_never_drawn_one_by_one(run: Run):
    cohort = run.simulated["patient_cohort"]
    record = run.record("heart_disease")
    assert _draw_one("pairs", replace(record, simulated=cohort)) is None
    assert _draw_one("pairs", replace(run.record("patient_cohort"), simulated=replace(cohort, kind="real"))) is None
    with pytest.raises(ValueError, match="not simulated"):
        describe(replace(cohort, kind="real"))


def test_the_cohort_is_that_of_the_runs_seed(run: Run):
    ages = run.simulated["patient_cohort"].hospitals[0].train["age"]
    counts = run.results.datasets["patient_cohort"].hospitals["hospital 1"]
    assert counts.train == len(ages)
    other = run.results.model_copy(update={"seeds": {"experiment": 8}, "datasets": {"paper_mock": None}})
    ages_of_8 = add_cohort(replace(run, results=other)).simulated["patient_cohort"].hospitals[0].train["age"]
    assert ages.tolist() != ages_of_8.tolist()


def test_rounds_fall_back_on_the_table(run: Run):
    record = run.record("heart_disease")
    dataset = record.dataset.model_copy(deep=True)
    for arm in dataset.arms.values():
        arm.rounds = []
    results = run.results.model_copy(update={"datasets": {"heart_disease": dataset}})
    figure = _draw_one("rounds", replace(record, results=results))
    assert figure is not None
    mean = record.rounds.query("arm == 'fedyogi' and round == 5")["accuracy"].mean()
    assert f"to {mean:.3f} at round 5" in figure.caption
    assert _draw_one("rounds", replace(record, results=results, rounds=record.rounds.iloc[:0])) is None


def test_without_predictions_there_is_no_curve(run: Run):
    record = run.record("heart_disease")
    bare = replace(record, predictions=record.predictions.iloc[:0])
    assert _draw_one("roc", bare) is None
    assert _draw_one("reliability", bare) is None


def test_reliability_bins_hold_every_patient():
    scores = np.array([0.0, 0.05, 0.1, 0.55, 0.99, 1.0])
    bins = reliability_bins(np.array([0, 1, 0, 1, 1, 1]), scores)
    assert bins.counts.tolist() == [2, 1, 0, 0, 0, 1, 0, 0, 0, 2]
    assert bins.observed.tolist() == [0.5, 0, 1, 1]
    assert bins.predicted == pytest.approx([0.025, 0.1, 0.55, 0.995])
    assert ((bins.low <= bins.observed) & (bins.observed <= bins.high + 1e-12)).all()


def test_a_users_figure_is_drawn_and_a_failing_one_says_why(run: Run):
    @register_figure("seconds", "Seconds a round")
    def seconds(record: RunRecord) -> Drawing:
        figure = Figure()
        figure.subplots().bar(list(record.dataset.arms), 1)
        return Drawing(figure, f"{len(record.dataset.arms)} arms.", "bars")

    @register_figure("broken", "Broken")
    def broken(record: RunRecord) -> Drawing:
        raise ZeroDivisionError("nothing to divide")

    try:
        assert [figure.name for figure in registered_figures()][-2:] == ["seconds", "broken"]
        figure = _draw_one("seconds", run.record("heart_disease"))
        assert figure is not None
        assert figure.caption == "9 arms."
        failed = _draw_one("broken", run.record("heart_disease"))
        assert failed is not None
        assert failed.failure == "ZeroDivisionError: nothing to divide"
    finally:
        unregister_figure("seconds")
        unregister_figure("broken")
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        register_figure("../up", "Up")


def test_the_same_record_gives_the_same_bytes(run: Run, drawn: dict[str, dict[str, DrawnFigure]]):
    again = _draw_one("roc", run.record("heart_disease"))
    assert again is not None
    assert again.svg == drawn["heart_disease"]["roc"].svg
    assert again.png == drawn["heart_disease"]["roc"].png


def test_arms_keep_their_style_and_no_two_share_one():
    names = ["paper-listing", "alone", "pooled", "fedavg", "best-adaptive", "mine", "yours", "theirs"]
    styles = arm_styles(names)
    assert len(set(styles.values())) == len(names)
    assert arm_styles(["pooled"])["pooled"] == styles["pooled"]
    assert RC["svg.fonttype"] == "path"
    # Fourteen arms, as a run with private ones has, differ in colour or line where there are no markers.
    many = arm_styles([*names[:5], *(f"private-{number}" for number in range(9))])
    assert len({(style.color, style.line) for style in many.values()}) == 14


def test_long_labels_keep_the_end_by_which_arms_differ():
    title = "FedAvg, patient-level DP, each hospital adds all of the noise by itself, epsilon 0.5"
    assert plain_text(title, 40).endswith("epsilon 0.5")
    assert len(plain_text(title, 40)) <= 40
    lines = two_lines(title, 30).split("\n")
    assert len(lines) == 2
    assert lines[1].endswith("epsilon 0.5")
    assert max(map(len, lines)) <= 30
    assert two_lines("Pooled") == plain_text("Pooled") == "Pooled"
    assert plain_text("$x$") == two_lines("$x$") == r"\$x\$"


def test_merged_bins_keep_every_patient():
    fine = Histogram(edges=list(range(101)), counts=[0] * 10 + [1] * 53 + [0] * 37)
    edges, counts = rebinned(fine)
    assert len(counts) <= 20
    assert counts.sum() == 53
    assert edges[0] == 10
    assert np.diff(edges) == pytest.approx(np.full(len(counts), 3))
    coarse = Histogram(edges=[0, 1, 2, 3], counts=[2, 0, 5])
    edges, counts = rebinned(coarse)
    assert edges.tolist() == [0, 1, 2, 3]
    assert counts.tolist() == [2, 0, 5]
