"""Figures of synthetic patients: drawn from the document, absent where it holds nothing."""

from __future__ import annotations

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting.figures.registry import DrawnFigure, draw, registered_figures
from tff_health.reporting.figures.synthesis_columns import distance
from tff_health.reporting.record import Run
from tff_health.reporting.results import DatasetResult
from tff_health.reporting.synthesis_document import ColumnComparison

NAMES = [figure.name for figure in registered_figures() if figure.section == "synthesis"]


def _draw(name: str, run: Run) -> DrawnFigure | None:
    found = draw(next(figure for figure in registered_figures() if figure.name == name), run.record("heart_disease"))
    assert found is None or not found.failure, found
    return found


def test_every_figure_is_drawn_with_its_numbers(run: Run):
    assert len(NAMES) == 7
    drawn = {name: _draw(name, run) for name in NAMES}
    words = {
        "synthesis-arms": "AUC real rows 0.89",
        "synthesis-epsilon": "At epsilon 1 Label histograms, best of 3",
        "synthesis-columns": "(total variation distance)",
        "synthesis-correlation": "Mean absolute difference over pairs: Federated CTGAN 0.0",
        "synthesis-losses": "critic loss \N{MINUS SIGN}2.",
        "synthesis-collapse": "CTGAN without packing 0.86 and CTGAN without training by sampling 0.74",
        "synthesis-membership": "its control, a deliberately overfitted model, has AUC 0.9",
    }
    for name, figure in drawn.items():
        assert figure is not None, name
        assert words[name] in figure.caption
        assert figure.svg.startswith(b"<?xml")
    assert drawn["synthesis-collapse"].paper == "Fig. 13"  # type: ignore[union-attr]
    assert drawn["synthesis-columns"].paper == "Fig. 16"  # type: ignore[union-attr]
    # No epsilon without what it rests on.
    assert "adjacency: zero-out" in drawn["synthesis-epsilon"].caption  # type: ignore[union-attr]


def test_figures_stay_away_where_there_is_nothing(run: Run, heart: DatasetResult):
    for arm in heart.arms.values():
        arm.metrics, arm.membership = {}, {}
        assert arm.synthesis is not None
        arm.synthesis.columns, arm.synthesis.history, arm.synthesis.correlation = [], [], None
    assert heart.synthesis is not None
    heart.synthesis.real_metrics = {}
    assert [name for name in NAMES if _draw(name, run) is not None and name != "synthesis-epsilon"] == []


def test_figures_of_classifiers_ignore_synthesisers(run: Run):
    others = [figure.name for figure in registered_figures() if figure.section != "synthesis"]
    drawn = [name for name in others if _draw(name, run) is not None]
    assert drawn == ["hospitals"]


def test_distance_is_the_total_variation():
    column = ColumnComparison(name="x", kind="binary", labels=["a", "b"], real=[1.0, 0.0], synthetic=[0.25, 0.75])
    assert distance(column) == 0.75


def test_correlations_are_matched_by_name(run: Run, heart: DatasetResult):
    synthesis = heart.arms["ctgan"].synthesis
    assert synthesis is not None
    assert heart.synthesis is not None
    real = heart.synthesis.correlation
    assert real is not None
    order = list(reversed(range(len(real.names))))
    synthesis.correlation = real.model_copy(
        update={
            "names": [real.names[place] for place in order],
            "matrix": [[real.matrix[row][column] for column in order] for row in order],
        }
    )
    figure = _draw("synthesis-correlation", run)
    assert figure is not None
    assert "Federated CTGAN: the largest difference is 0.00" in figure.caption
    synthesis.correlation.matrix[0] = [None] * len(order)
    assert _draw("synthesis-correlation", run) is not None
