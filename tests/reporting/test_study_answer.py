"""What a study's report says first: its arms against the reference, and what epsilon does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from private_arms_example import PATIENT

from tff_health.reporting.answer import verdicts
from tff_health.reporting.record import Run
from tff_health.reporting.results import Results
from tff_health.reporting.study_answer import is_study_answer, study_answer

ROWS = pd.DataFrame({"dataset": [], "arm": []})  # a study has none: they lie in its cells


def measured(*seeds: float) -> dict[str, Any]:
    mean = sum(seeds) / len(seeds)
    return {"value": mean, "low": mean - 0.01, "high": mean + 0.01, "n": 50, "seeds": list(seeds)}


def arm(title: str, *seeds: float, epsilon: float | None = None) -> dict[str, Any]:
    privacy = None if epsilon is None else {**PATIENT, "epsilon": epsilon, "sentence": ""}
    return {"title": title, "federated": True, "metrics": {"test/auc": measured(*seeds)}, "privacy": privacy}


def compared(name: str, value: float, p_corrected: float | None) -> dict[str, Any]:
    return {
        "arm": name,
        "against": "mean",
        "metric": "auc",
        "difference": {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 4},
        "p_value": p_corrected,
        "p_corrected": p_corrected,
        "sentence": "",
    }


def study(arms: dict[str, Any], comparisons: list[dict[str, Any]], seeds: Any) -> Run:
    hearts = {"title": "Hearts", "kind": "real", "source": "", "licence": ""}
    dataset = {**hearts, "arms": arms, "comparisons": comparisons}
    document = {
        "experiment": "x",
        "title": "x",
        "question": "",
        "datasets": {"hearts": dataset},
        "seeds": {"hearts": seeds},
    }
    return Run(Path("nowhere"), Results.model_validate(document), ROWS, ROWS)


AGGREGATORS = {
    "mean": arm("Mean", 0.9, 0.9, 0.9),
    "robust": arm("Robust", 0.95, 0.95, 0.95),
    "noisy": arm("Noisy", 0.6, 0.6, 0.6),
    "other": arm("Other", 0.9, 0.9, 0.91),
}
AGAINST_MEAN = [compared("robust", 0.05, 0.01), compared("noisy", -0.3, 0.001), compared("other", 0.003, 0.6)]


def test_arms_are_sorted_by_what_is_shown():
    run = study(AGGREGATORS, AGAINST_MEAN, [1, 2, 3])
    (sentence,) = study_answer(run)
    assert sentence == (
        "Hearts (real): Against Mean, AUC 0.900 (0.890 to 0.910), over 4 pairs of cells: better are Robust (+0.050); "
        "worse are Noisy (−0.300); no difference is shown for Other (+0.003)."
    )
    assert is_study_answer(run, verdicts(run))


def test_a_p_value_that_is_missing_shows_nothing():
    run = study(AGGREGATORS, [compared("robust", 0.05, None)], [1, 2, 3])
    assert "no difference is shown for Robust (+0.050)" in study_answer(run)[0]


def test_epsilon_is_followed_to_its_ends_with_all_it_rests_on():
    arms = {
        "plain": arm("Plain", 0.95, 0.96, 0.95),
        "plain-eps1": arm("DP, epsilon 1", 0.6, 0.62, 0.61, epsilon=1.0),
        "plain-eps3": arm("DP, epsilon 3", 0.7, 0.72, 0.7, epsilon=3.0),
        "plain-eps10": arm("DP, epsilon 10", 0.9, 0.91, 0.92, epsilon=10.0),
    }
    curve, terms = study_answer(study(arms, [], [1, 2, 3]))
    assert "As epsilon per patient grows, AUC of DP rises from 0.610" in curve
    assert "at epsilon 1 to 0.910" in curve
    assert curve.endswith("Plain, without a guarantee, has 0.953.")
    assert terms.startswith("What epsilon rests on: unit: patient; adjacency: zero-out")


def test_noise_that_changes_nothing_is_said_to_show_no_change():
    arms = {
        "plain-eps1": arm("DP, epsilon 1", 0.6, 0.9, 0.7, epsilon=1.0),
        "plain-eps10": arm("DP, epsilon 10", 0.9, 0.6, 0.75, epsilon=10.0),
    }
    assert "AUC of DP shows no clear change from" in study_answer(study(arms, [], [1, 2, 3]))[0]


def test_arms_of_one_epsilon_are_no_curve():
    arms = {
        "clip-1": arm("DP, clip 1", 0.6, 0.62, 0.61, epsilon=3.0),
        "clip-2": arm("DP, clip 2", 0.7, 0.72, 0.7, epsilon=3.0),
    }
    assert study_answer(study(arms, [], [1, 2, 3])) == []


def test_a_single_run_has_no_such_answer():
    run = study(AGGREGATORS, AGAINST_MEAN, {"experiment": 1})
    assert study_answer(run) == []
    assert not is_study_answer(run, verdicts(run))
