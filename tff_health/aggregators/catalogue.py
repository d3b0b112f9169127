"""Aggregation factories by name.

The seam for extension is TFF's own: wherever an aggregator is asked for, pass a name of this catalogue, any
`tff.aggregators` factory object, or `module:function` naming a function without arguments that returns one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from data.errors import UnknownNameError

if TYPE_CHECKING:
    import tensorflow_federated as tff

    Factory: TypeAlias = tff.aggregators.WeightedAggregationFactory | tff.aggregators.UnweightedAggregationFactory


@dataclass(frozen=True)
class CatalogueEntry:
    """One aggregator of the catalogue.

    Attributes:
        description: one line for `list`.
        weighted: whether hospitals count by their number of training rows.
        build: makes the factory; imports TFF only when called.
    """

    description: str
    weighted: bool
    build: Callable[[], Any]


def _mean() -> Any:
    import tensorflow_federated as tff

    return tff.aggregators.MeanFactory()


def _uniform_mean() -> Any:
    import tensorflow_federated as tff

    return tff.aggregators.UnweightedMeanFactory()


def _robust() -> Any:
    import tensorflow_federated as tff

    return tff.learning.robust_aggregator()


def _compressed() -> Any:
    import tensorflow_federated as tff

    return tff.learning.compression_aggregator()


CATALOGUE: dict[str, CatalogueEntry] = {
    "mean": CatalogueEntry("mean weighted by each hospital's training rows (McMahan et al. 2017)", True, _mean),
    "uniform-mean": CatalogueEntry("every hospital counts the same; what the paper does", False, _uniform_mean),
    "robust": CatalogueEntry("weighted mean after adaptive zeroing and clipping of outlying updates", True, _robust),
    "compressed": CatalogueEntry("weighted mean of quantised, entropy-coded updates", True, _compressed),
}


def check_aggregator_name(name: str) -> None:
    """Raises `UnknownNameError` with the nearest name unless `name` can be looked up; imports nothing heavy."""
    if name in CATALOGUE or ":" in name:
        return
    raise UnknownNameError.among("aggregator", name, CATALOGUE)


def resolve_aggregator(aggregator: str | Factory) -> Factory:
    """Returns a `tff.aggregators` factory.

    Args:
        aggregator: a factory (returned as it is), a name of the catalogue, or `module:function`.

    Raises:
        UnknownNameError: no such name, module or function.
        TypeError: the thing named is not an aggregation factory.
    """
    import tensorflow_federated as tff

    factories = (tff.aggregators.WeightedAggregationFactory, tff.aggregators.UnweightedAggregationFactory)
    if not isinstance(aggregator, str):
        if not isinstance(aggregator, factories):
            raise TypeError(f"expected a tff.aggregators factory or a name, got {type(aggregator).__name__}")
        return aggregator
    check_aggregator_name(aggregator)
    if aggregator in CATALOGUE:
        return CATALOGUE[aggregator].build()
    module_name, function_name = aggregator.split(":", 1)
    try:
        factory = getattr(importlib.import_module(module_name), function_name)()
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(
            f"aggregator {aggregator!r} cannot be loaded ({error}); name a function without arguments as "
            "module:function, with the module on the Python path or in the working folder."
        ) from error
    if not isinstance(factory, factories):
        raise TypeError(f"{aggregator} returned {type(factory).__name__}, not a tff.aggregators factory")
    return factory
