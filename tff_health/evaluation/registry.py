"""Users' own metrics, by name.

    @register_metric("net_benefit_at_20pct")
    def net_benefit(predictions: Predictions) -> float:
        "Net benefit of treating at a risk of 20 %."
        ...

From then on every evaluation has the metric, with the same bootstrap interval as the built-in ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from data.errors import UnknownNameError
from tff_health.evaluation.classification import DESCRIPTIONS
from tff_health.evaluation.predictions import MetricError, Predictions

Metric = Callable[[Predictions], float]
_MetricT = TypeVar("_MetricT", bound=Metric)

_registered: dict[str, Metric] = {}


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
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise MetricError(f"Metric name {name!r}: use lower-case letters, digits, '_' and '-' only.")

    def register(function: _MetricT) -> _MetricT:
        holder = _registered.get(name)
        if name in DESCRIPTIONS or (holder is not None and _origin(holder) != _origin(function)):
            raise MetricError(f"There is already a metric called {name!r}: choose another name.")
        _registered[name] = function
        return function

    return register


def unregister_metric(name: str) -> None:
    """Forgets a user's metric.

    Raises:
        MetricError: no such metric is registered.
    """
    if name not in _registered:
        raise MetricError(f"No metric called {name!r} is registered.")
    del _registered[name]


def metric_descriptions() -> dict[str, str]:
    """Every metric's name and description: the built-in ones first, then users' in the order of registration."""
    described = dict(DESCRIPTIONS)
    for name, function in _registered.items():
        described[name] = ((function.__doc__ or "").strip().splitlines() or ["a user's metric"])[0].rstrip(".")
    return described


def resolve_metrics(names: Iterable[str] | None) -> tuple[str, ...]:
    """Checks names; None means all metrics.

    Raises:
        UnknownNameError: a name is unknown; the nearest one is suggested.
    """
    known = (*DESCRIPTIONS, *_registered)
    chosen = known if names is None else tuple(dict.fromkeys(names))
    for name in chosen:
        if name not in known:
            raise UnknownNameError.among("metric", name, known)
    return chosen


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
    metric = _registered[name]
    patients = np.arange(len(predictions.labels))
    values = np.empty(len(weights))
    for index, draw in enumerate(weights.astype(np.int64)):
        try:
            values[index] = float(metric(predictions.take(np.repeat(patients, draw))))
        except Exception as error:
            raise MetricError(f"Metric {name!r} failed with {type(error).__name__}: {error}") from error
    return values


def _origin(function: Metric) -> tuple[str, str]:
    return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))
