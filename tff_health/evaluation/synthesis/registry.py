"""Metrics of synthetic rows by name: the built-in families, and users' own.

    @register_synthesis_metric("age_gap")
    def age_gap(tables: SynthesisTables) -> float:
        "Difference of the mean ages, in years."
        return abs(tables.train["age"].mean() - tables.synthetic["age"].mean())

From then on every evaluation of synthetic rows has the metric, with an interval like the built-in ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from data.errors import TffHealthError
from tff_health.evaluation.metric_registry import MetricRegistry
from tff_health.evaluation.predictions import MetricError
from tff_health.evaluation.synthesis.collapse import collapse_metrics
from tff_health.evaluation.synthesis.coverage import coverage_metrics
from tff_health.evaluation.synthesis.detection import detection_metrics
from tff_health.evaluation.synthesis.fidelity import fidelity_metrics
from tff_health.evaluation.synthesis.tables import SynthesisTables
from tff_health.evaluation.synthesis.utility import utility_metrics

SynthesisMetric = Callable[[SynthesisTables], float | Mapping[str, float]]
_MetricT = TypeVar("_MetricT", bound=SynthesisMetric)

BUILT_IN: dict[str, Callable[[SynthesisTables], dict[str, float]]] = {
    "tstr": partial(utility_metrics, trained_on="tstr"),
    "trtr": partial(utility_metrics, trained_on="trtr"),
    "augmented": partial(utility_metrics, trained_on="augmented"),
    "fidelity": fidelity_metrics,
    "detection": detection_metrics,
    "coverage": coverage_metrics,
    "collapse": collapse_metrics,
}

DESCRIPTIONS = {
    "tstr": "classifiers trained on synthetic rows, tested on real held-out patients",
    "trtr": "classifiers trained on real rows, tested on real held-out patients",
    "augmented": "classifiers trained on real and synthetic rows together, tested on real held-out patients",
    "fidelity": "likeness of columns and pairs of columns to the real ones, 1 where equal (SDMetrics)",
    "detection": "AUC of classifiers that tell synthetic rows from real ones, .5 where they cannot",
    "coverage": "precision, recall, density and coverage by nearest neighbours, against training and held-out rows",
    "collapse": "what of the real rows' variety is left out, and repeated rows",
}
"""The built-in families and what they are, one phrase each."""

METRICS = MetricRegistry("metric of synthetic rows", DESCRIPTIONS)
unregister_synthesis_metric = METRICS.remove
synthesis_metric_descriptions = METRICS.descriptions
resolve_synthesis_metrics = METRICS.resolve


def register_synthesis_metric(name: str) -> Callable[[_MetricT], _MetricT]:
    """Decorates a function of `SynthesisTables` that returns a float, or floats by name; NaN where undefined.

    A float is reported as `NAME`, floats by name as `NAME/KEY`. Whatever the function draws must come from
    `tables.rng(...)`. Its docstring's first line describes it in listings. Defining the same function again, as a
    notebook does, replaces it.

    Args:
        name: lower-case letters, digits, `_` and `-`.

    Raises:
        MetricError: the name is malformed or taken.
    """
    return METRICS.register(name)


def family_metrics(name: str, tables: SynthesisTables) -> dict[str, float]:
    """One family's or user's metric: full name -> value.

    Args:
        name: built-in or registered.
        tables: real and synthetic rows.

    Raises:
        MetricError: a user's metric raised an error or returned something that is not a number.
    """
    if name in BUILT_IN:
        return {f"{name}/{key}": value for key, value in BUILT_IN[name](tables).items()}
    try:
        result = METRICS.registered[name](tables)
        if isinstance(result, Mapping):
            return {f"{name}/{key}": float(value) for key, value in result.items()}
        return {name: float(result)}
    except TffHealthError:
        raise
    except Exception as error:
        raise MetricError(f"Metric {name!r} failed with {type(error).__name__}: {error}") from error


def synthesis_metrics(tables: SynthesisTables, names: Iterable[str] | None = None) -> dict[str, float]:
    """Evaluates synthetic rows.

    Args:
        tables: real training rows, held-out rows and synthetic ones.
        names: families and users' metrics; all by default. `trtr` does not depend on the synthetic rows, so ask for
            it once where several generators are compared.

    Returns:
        Full name -> value, such as `tstr/mean/auc`, `fidelity/ks`, `fidelity/ks/age`, `coverage/test/recall`; NaN where
        a metric is not defined on these rows.

    Raises:
        UnknownNameError: a name is unknown.
        MetricError: a user's metric failed.
    """
    values: dict[str, float] = {}
    for name in resolve_synthesis_metrics(names):
        values.update(family_metrics(name, tables))
    return values
