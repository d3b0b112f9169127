"""All datasets side by side: which arms and datasets stand there, and the words beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tff_health.reporting.figures.small_multiples import draw_small_multiples, small_multiples
from tff_health.reporting.record import Run
from tff_health.reporting.results import Results

ROWS = pd.DataFrame({"dataset": [], "arm": []})


def arm(title: str, auc: float | None) -> dict[str, Any]:
    metric = {"value": auc, "low": None if auc is None else auc - 0.02, "high": None if auc is None else auc + 0.02}
    return {"title": title, "federated": True, "metrics": {"test/auc": metric}}


def run(**datasets: dict[str, float | None]) -> Run:
    made = {
        name: {
            "title": name.title(),
            "kind": "real",
            "source": "",
            "licence": "",
            "arms": {label: arm(label.title(), auc) for label, auc in values.items()},
        }
        for name, values in datasets.items()
    }
    document = {"experiment": "x", "title": "x", "question": "", "datasets": made, "seeds": {}}
    return Run(Path("nowhere"), Results.model_validate(document), ROWS, ROWS)


def test_a_panel_a_dataset_and_a_row_an_arm_that_two_datasets_have():
    drawing = small_multiples(run(north={"mean": 0.9, "noisy": 0.7, "own": 0.8}, south={"mean": 0.8, "noisy": 0.6}))
    assert drawing is not None
    first, second = drawing.figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["North", "South"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["Mean", "Noisy"]
    assert first.get_xlim() == second.get_xlim()
    drawn = [tuple(line.get_xdata()) for line in second.get_lines()]  # type: ignore[arg-type]
    assert (0.8,) in drawn
    assert (0.6,) in drawn
    assert "Mean 0.800 (0.780 to 0.820) at least and 0.900 (0.880 to 0.920) at most" in drawing.caption
    assert drawing.alt.startswith("2 panels, one a dataset, with a dot for each of 2 arms.")


def test_datasets_without_the_arms_have_no_panel():
    drawing = small_multiples(
        run(
            north={"mean": 0.9, "noisy": 0.7},
            south={"mean": 0.8, "noisy": None},
            west={"own": 0.5},
            east={"noisy": 0.7},
        )
    )
    assert drawing is not None
    assert [axes.get_title() for axes in drawing.figure.axes if axes.get_visible()] == [
        "North",
        "South",
        "East",
    ]


def test_titles_that_are_cut_to_the_same_are_told_apart():
    names = [f"breast cancer of many women dealt out as {way} to six hospitals" for way in ("iid", "one-class")]
    drawing = small_multiples(run(**{name: {"mean": 0.9, "noisy": 0.7} for name in names}))
    assert drawing is not None
    first, second = (axes.get_title() for axes in drawing.figure.axes)
    assert first.startswith("1. ")
    assert second.startswith("2. ")


def test_nothing_to_compare_is_not_drawn():
    assert small_multiples(run(north={"mean": 0.9, "noisy": 0.7})) is None
    assert small_multiples(run(north={"mean": 0.9, "noisy": 0.7}, south={"mean": 0.9, "other": 0.7})) is None
    many = {f"arm-{number}": 0.5 for number in range(25)}
    assert small_multiples(run(north=many, south=many)) is None


def test_it_is_drawn_as_files():
    drawn = draw_small_multiples(run(north={"mean": 0.9, "noisy": 0.7}, south={"mean": 0.8, "noisy": 0.6}))
    assert drawn is not None
    assert drawn.failure == ""
    assert drawn.svg.startswith(b"<?xml")
    assert drawn.png.startswith(b"\x89PNG")
