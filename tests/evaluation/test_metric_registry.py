"""Names of users' metrics: well-formed, unique beside the built-in ones, and free again when forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tff_health.evaluation import registry as of_models
from tff_health.evaluation.metric_registry import MetricRegistry
from tff_health.evaluation.predictions import MetricError
from tff_health.evaluation.synthesis import registry as of_synthetic_rows


@pytest.mark.parametrize(
    ("register", "unregister", "own", "subject", "built_in"),
    [
        (of_models.register_metric, of_models.unregister_metric, of_models.METRICS, "metric", "auc"),
        (
            of_synthetic_rows.register_synthesis_metric,
            of_synthetic_rows.unregister_synthesis_metric,
            of_synthetic_rows.METRICS,
            "metric of synthetic rows",
            "fidelity",
        ),
    ],
)
def test_names_are_unique_and_well_formed(
    register: Callable[[str], Any],
    unregister: Callable[[str], None],
    own: MetricRegistry,
    subject: str,
    built_in: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own, "registered", {})

    def metric(measured: Any) -> float:
        return 0.0

    def another(measured: Any) -> float:
        return 1.0

    register("mine")(metric)
    register("mine")(metric)  # a notebook's cell run twice
    with pytest.raises(MetricError, match=f"already a {subject} called 'mine'"):
        register("mine")(another)
    with pytest.raises(MetricError, match=f"already a {subject} called '{built_in}'"):
        register(built_in)(metric)
    for malformed in ("My metric", "My/metric"):
        with pytest.raises(MetricError, match="lower-case"):
            register(malformed)
    unregister("mine")
    register("mine")(another)
    assert list(own.registered) == ["mine"]
    unregister("mine")
    for absent in ("mine", "absent"):
        with pytest.raises(MetricError, match=f"No {subject} called '{absent}'"):
            unregister(absent)
