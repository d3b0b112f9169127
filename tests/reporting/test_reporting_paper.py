from __future__ import annotations

from pathlib import Path

import pytest

from tff_health.reporting.contradictions import contradictions
from tff_health.reporting.paper import LISTING_PRINTOUT, TABLE_1, compare
from tff_health.reporting.paper_tables import paper_groups, paper_tables
from tff_health.reporting.results import Privacy, Results, load_results


@pytest.fixture
def results(example: Path) -> Results:
    return load_results(example / "results.json")


def test_every_round_of_table_1_stands_beside_every_arm(results: Results):
    found = {
        (one.arm, one.row, one.metric): (one.theirs, one.ours) for one in compare(results) if one.source == "P1 Table 1"
    }
    mock = results.datasets["paper_mock"]
    compared = {name: arm for name, arm in mock.arms.items() if name not in ("alone", "pooled")}
    assert len(found) == 5 * 2 * len(compared)
    for number, (loss, accuracy) in TABLE_1.items():
        for name, arm in compared.items():
            row = f"Round {number}"
            assert found[name, row, "loss"] == (loss, arm.at_round(number, "test/loss").value)
            assert found[name, row, "accuracy"] == (accuracy, arm.at_round(number, "test/accuracy").value)


def test_the_printout_is_set_beside_the_listing_scored_as_the_paper_did(results: Results):
    found = {
        one.row: (one.theirs, one.ours)
        for one in compare(results)
        if one.source == "P1 listing's printout" and one.metric == "accuracy"
    }
    assert found["Round 5"] == (0.63, 0.5)
    assert [theirs for theirs, _ in found.values()] == [accuracy for _, accuracy in LISTING_PRINTOUT.values()]


def test_reasons_follow_the_numbers(results: Results):
    arm = results.datasets["paper_mock"].arms["fedavg"]
    arm.rounds[5].metrics["test/accuracy"].value = 0.91
    why = {one.arm: one.why for one in compare(results) if (one.source, one.metric) == ("P1 Table 1", "accuracy")}
    assert "0.910 after round 5" in why["fedavg"]
    assert "rounds add up" in why["fedavg"]
    assert "fresh random weights" in why["paper-listing"]
    arm.rounds[5].metrics["test/accuracy"].value = 0.5
    why = {one.arm: one.why for one in compare(results) if (one.source, one.metric) == ("P1 Table 1", "accuracy")}
    assert "too short to pass the paper's figure (0.500" in why["fedavg"]


def test_figures_14_and_15_are_those_of_the_heart_data(results: Results):
    found = {(one.source, one.row): one for one in compare(results)}
    arm = results.datasets["heart_disease"].arms["fedyogi"]
    assert found["P1 Fig. 15", "ROC curve"].ours == arm.metric("test/auc").value
    assert found["P1 Fig. 14", "true positives"].ours == arm.confusion.tp  # type: ignore[union-attr]


def test_without_data_the_paper_stands_alone():
    empty = Results(experiment="e", title="t", question="q", datasets={})
    references = compare(empty)
    assert {one.source for one in references} == {"P1 Fig. 10", "P1 Fig. 14", "P1 Fig. 15"}
    assert all(one.ours is None and one.why for one in references)
    assert len(contradictions(empty)) == 7


def test_tables_have_a_column_for_each_source_and_arm(results: Results):
    accuracy, loss = paper_tables(results, compare(results))
    assert (accuracy.metric, loss.metric) == ("accuracy", "loss")
    assert accuracy.sources == ("P1 Table 1", "P1 listing's printout", "P1 Fig. 12")
    assert accuracy.arms[1] == "The listing, scored as the paper did"
    assert [name for name, _, _ in accuracy.rows] == [f"Round {number}" for number in range(1, 6)]
    assert accuracy.rows[4][1] == (0.60, 0.63, 0.80)
    assert set(accuracy.reasons) >= {"Paper's listing", "P1 listing's printout", "P1 Fig. 12"}
    assert [group.source for group in paper_groups(compare(results))] == ["P1 Fig. 10", "P1 Fig. 14", "P1 Fig. 15"]


def test_contradictions_carry_this_runs_numbers(results: Results):
    by_place = {one.place: one for one in contradictions(results)}
    listing = results.datasets["paper_mock"].arms["paper-listing"].metric("test/accuracy")
    assert f"{listing.value:.3f}" in by_place["Listing, client training"].here
    assert "63\N{NO-BREAK SPACE}%" in by_place["Fig. 14, confusion matrix"].problem
    assert "8 patients" in by_place["Fig. 14, confusion matrix"].problem


def test_a_private_arm_is_set_against_figure_10(results: Results):
    for name in list(results.datasets["heart_disease"].arms):
        results.datasets["heart_disease"].arms[name].privacy = None
    not_measured = next(one.here for one in contradictions(results) if one.place.startswith("Fig. 10"))
    assert "Not measured" in not_measured
    assert all(one.ours is None for one in compare(results) if one.source == "P1 Fig. 10")
    arm = results.datasets["heart_disease"].arms["fedavg"]
    arm.privacy = Privacy(
        unit="patient",
        adjacency="add-remove",
        mechanism="DP-SGD",
        sampling="Poisson",
        epsilon=2.5,
        delta=1e-5,
        accountant="pld",
        trust_model="hospitals trust their own worker",
        secure_aggregation="simulated",
    )
    here = next(one.here for one in contradictions(results) if one.place.startswith("Fig. 10"))
    assert "at epsilon 2.5" in here
    assert f"{arm.metric('test/accuracy').value:.3f}" in here
