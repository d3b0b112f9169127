"""Choosing a threshold on training rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tff_health.evaluation.predictions import PredictionsError
from tff_health.evaluation.threshold import choose_threshold


def quality(labels: np.ndarray, scores: np.ndarray, threshold: float, criterion: str) -> float:
    called = scores >= threshold
    if criterion == "accuracy":
        return float(np.mean(called == labels))
    return float(called[labels == 1].mean() - called[labels == 0].mean())


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(np.linspace(0, 1, 14).tolist())), min_size=2, max_size=30
    ),
    criterion=st.sampled_from(["accuracy", "youden"]),
)
@settings(max_examples=200, deadline=None)
def test_no_threshold_between_the_scores_is_better(rows: list[tuple[int, float]], criterion: str) -> None:
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    assume(0 < labels.sum() < len(labels))
    chosen = choose_threshold(labels, scores, criterion)
    distinct = np.unique(scores)
    candidates = [0.5, *((distinct[1:] + distinct[:-1]) / 2)]
    best = max(quality(labels, scores, t, criterion) for t in candidates)
    assert quality(labels, scores, chosen, criterion) == pytest.approx(best)
    equals = [t for t in candidates if quality(labels, scores, t, criterion) == pytest.approx(best)]
    assert abs(chosen - 0.5) == pytest.approx(min(abs(t - 0.5) for t in equals))


def test_separable_rows() -> None:
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9]) == pytest.approx(0.25)
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]) == 0.5  # .5 is as good as .4


def test_equally_near_candidates_give_the_lower_one() -> None:
    labels, scores = [1, 0, 1, 0], [0.2, 0.4, 0.6, 0.8]  # .3 and .7 are mirror images
    assert choose_threshold(labels, scores) == pytest.approx(0.5)
    assert choose_threshold([0, 1, 0, 1], [0.2, 0.4, 0.6, 0.8]) == pytest.approx(0.3)


def test_youden_ignores_how_common_the_disease_is() -> None:
    rng = np.random.default_rng(0)
    sick, healthy = rng.normal(0.5, 0.1, 100).clip(0, 1), rng.normal(0.3, 0.1, 3000).clip(0, 1)
    labels = np.repeat([1, 0], [100, 3000])
    scores = np.concatenate([sick, healthy])
    assert choose_threshold(labels, scores, "accuracy") > 0.48
    assert choose_threshold(labels, scores, "youden") == pytest.approx(0.4, abs=0.06)


def test_smoothing_steadies_the_choice() -> None:
    """Over 60 samples of 80 rows the smoothed choice scatters less around the best threshold of .4."""
    rng = np.random.default_rng(1)
    chosen: dict[float, list[float]] = {0.0: [], 0.05: []}
    for _ in range(60):
        labels = np.repeat([0, 1], 40)
        scores = np.where(labels == 1, rng.normal(0.5, 0.12, 80), rng.normal(0.3, 0.12, 80)).clip(0, 1)
        for bandwidth, thresholds in chosen.items():
            thresholds.append(choose_threshold(labels, scores, bandwidth=bandwidth))
    errors = {h: np.sqrt(np.mean((np.array(thresholds) - 0.4) ** 2)) for h, thresholds in chosen.items()}
    assert errors[0.05] < 0.8 * errors[0.0]


def test_wrong_input_is_refused() -> None:
    with pytest.raises(PredictionsError, match="one class"):
        choose_threshold([1, 1], [0.2, 0.3])
    with pytest.raises(ValueError, match="youden"):
        choose_threshold([0, 1], [0.2, 0.3], "f1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bandwidth"):
        choose_threshold([0, 1], [0.2, 0.3], bandwidth=-1)
