"""Whom an arm serves least and what training cost: by hand, and as the page says it."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_text import plain, section

from tff_health.reporting.cells import CellRow
from tff_health.reporting.costs import cell_costs, cost_rows
from tff_health.reporting.document import Metric
from tff_health.reporting.fairness import fairness_rows
from tff_health.reporting.results import Arm, DatasetResult, HospitalCounts, Round, load_results


def dataset(**arms: Arm) -> DatasetResult:
    counts = HospitalCounts(train=10, test=5, train_positive=4, test_positive=2)
    hospitals = dict.fromkeys(("north", "south", "west"), counts)
    return DatasetResult(title="D", kind="real", source="s", licence="l", hospitals=hospitals, arms=arms)


def scored(**accuracy: float | None) -> Arm:
    metrics = {f"hospital/{name}/accuracy": Metric(value=value) for name, value in accuracy.items()}
    return Arm(title="FedAvg", federated=True, metrics=metrics)


def test_the_gap_is_between_the_best_hospital_and_the_worst():
    (row,) = fairness_rows(dataset(fedavg=scored(north=0.8, south=0.6, west=0.9)))
    accuracy, auc = row.spreads
    assert accuracy is not None
    assert (accuracy.worst[0], accuracy.best[0]) == ("south", "west")
    assert accuracy.gap == pytest.approx(0.3)
    assert auc is None
    assert row.chosen


def test_hospitals_alone_are_served_by_their_own_models():
    arms = {"alone": scored(north=0.5, south=0.5), "alone/north": scored(north=0.9), "alone/south": scored(south=0.7)}
    (row,) = fairness_rows(dataset(**arms))
    assert row.spreads[0] is not None
    assert (row.spreads[0].worst[0], row.spreads[0].best[0]) == ("south", "north")
    assert row.spreads[0].gap == pytest.approx(0.2)


def test_one_hospital_has_no_gap():
    assert fairness_rows(dataset(fedavg=scored(north=0.8, south=None))) == []
    assert fairness_rows(dataset(fedavg=Arm(title="FedAvg"))) == []


def test_hospitals_that_are_level_are_two_in_a_fixed_order():
    (row,) = fairness_rows(dataset(fedavg=scored(north=0.8, south=0.8)))
    assert row.spreads[0] is not None
    assert [row.spreads[0].worst[0], row.spreads[0].best[0]] == ["north", "south"]
    assert row.spreads[0].gap == 0


def test_bytes_add_up_over_rounds():
    rounds = [Round(round=number) for number in range(4)]  # round 0 is before training
    sent = Arm(title="FedAvg", rounds=rounds, cost={"seconds_per_round": 0.5, "bytes_up": 1200.0})
    pooled = Arm(title="Pooled", cost={"seconds_per_round": 0.1})
    first, second = cost_rows(dataset(fedavg=sent, pooled=pooled, free=Arm(title="Free")))
    assert (first.rounds, first.seconds, first.sent, first.sent_in_all) == (3, 0.5, 1200, 3600)
    assert (second.title, second.rounds, second.sent_in_all) == ("Pooled", None, None)


def test_cells_say_what_a_dataset_took():
    def cell(name: str, seconds: float | None, peak: float | None, status: str = "done") -> CellRow:
        return CellRow(name, "1", name, status, seconds, peak, "", "")

    cells = [cell("d", 60.0, 1.25), cell("d", 100.0, None), cell("other", 9e9, 99.0), cell("d", 0.0, 50.0, "failed")]
    assert cell_costs(cells, "d") == (
        "A cell with all its arms took 80 s on average and 100 s at most and needed 1.2 GiB of memory at most "
        "(2 cells)."
    )
    assert cell_costs([cell("d", None, None)], "d") == ""
    assert cell_costs([], "d") == ""


def test_the_page_names_the_worst_hospital_and_the_costs(reported: Path):
    heart = load_results(reported / "results.json").datasets["heart_disease"]
    row = next(row for row in fairness_rows(heart) if row.chosen)
    page = (reported / "report.html").read_text("utf-8")
    text = next(
        plain(section(page, f"dataset-{place}")) for place in (1, 2) if heart.title in section(page, f"dataset-{place}")
    )
    spread = row.spreads[0]
    assert spread is not None
    worst, best = spread.worst, spread.best
    assert f"{worst[1].value:.3f} {worst[0]} {best[1].value:.3f} {best[0]} {spread.gap:.3f}" in text
    assert "FedYogi 5 0.05 1,200 6,000" in text
