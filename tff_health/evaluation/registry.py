"""Users' own metrics, by name.

    @register_metric("net_benefit_at_20pct")
    def net_benefit(predictions: Predictions) -> float:
        "Net benefit of treating at a risk of 20 %."
        ...

From then on every evaluation has the metric, with the same bootstrap interval as the built-in ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from tff_health.evaluation.classification import DESCRIPTIONS
from tff_health.evaluation.metric_registry import MetricRegistry
from tff_health.evaluation.predictions import MetricError, Predictions

Metric = Callable[[Predictions], float]
_MetricT = TypeVar("_MetricT", bound=Metric)

METRICS = MetricRegistry("metric", DESCRIPTIONS)
unregister_metric = METRICS.remove
metric_descriptions = METRICS.descriptions
resolve_metrics = METRICS.resolve


def register_metric(name: str) -> Callable[[_MetricT], _MetricT]:
    """Decorates a function of `Predictions` that returns a float, NaN where it is undefined.

    The function must treat patients as exchangeable and accept one class only: bootstrap resamples repeat and leave
    out patients. Its docstring's first line describes it in listings. Defining the same function again, as a notebook
    does, replaces it.

    Args:
        name: lower-case letters, digits, `_` and `-`; it becomes the metric's name in results.

    Raises:
        MetricError: the name is malformed or taken.
    """
    return METRICS.register(name)


def registered_metric_values(name: str, predictions: Predictions, weights: np.ndarray) -> np.ndarray:
    """A user's metric on resamples, one call each.

    Args:
        name: a registered metric.
        predictions: of n patients.
        weights: [B, n] whole numbers: how often each patient was drawn.

    Returns:
        float64 [B].

    Raises:
        MetricError: the metric raised an error or returned no number.
    """
    metric = METRICS.registered[name]
    patients = np.arange(len(predictions.labels))
    values = np.empty(len(weights))
    for index, draw in enumerate(weights.astype(np.int64)):
        try:
            values[index] = float(metric(predictions.take(np.repeat(patients, draw))))
        except Exception as error:
            raise MetricError(f"Metric {name!r} failed with {type(error).__name__}: {error}") from error
    return values
