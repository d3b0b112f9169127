"""Aggregation factories by name.

The seam for extension is TFF's own: wherever an aggregator is asked for, pass a name of this catalogue, any
`tff.aggregators` factory object, or `module:function` naming a function without arguments that returns one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from data.errors import SettingsError, UnknownNameError, WrongKindError
from data.named import NAMED, load_named

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
    "compressed": CatalogueEntry(
        "weighted mean after zeroing, clipping, and 8-bit quantisation of tensors above 20,000 entries",
        True,
        _compressed,
    ),
}


def check_aggregator_name(name: str) -> None:
    """Raises `UnknownNameError` with the nearest name unless `name` can be looked up; imports nothing heavy."""
    if name in CATALOGUE or NAMED.fullmatch(name):
        return
    raise UnknownNameError.among("aggregator", name, CATALOGUE)


def resolve_aggregator(aggregator: str | Factory) -> Factory:
    """Returns a `tff.aggregators` factory.

    Args:
        aggregator: a factory (returned as it is), a name of the catalogue, or `module:function`.

    Raises:
        UnknownNameError: no such name, module or function.
        WrongKindError: what is given or named is not an aggregation factory.
        SettingsError: the user's module or function failed.
    """
    import tensorflow_federated as tff

    factories = (tff.aggregators.WeightedAggregationFactory, tff.aggregators.UnweightedAggregationFactory)
    factory: Any = aggregator
    if isinstance(aggregator, str):
        check_aggregator_name(aggregator)
        build = CATALOGUE[aggregator].build if aggregator in CATALOGUE else load_named("aggregator", aggregator)
        try:
            factory = build()
        except Exception as error:
            raise SettingsError(f"aggregator {aggregator!r} failed ({type(error).__name__}: {error}).") from error
    if not isinstance(factory, factories):
        raise WrongKindError(
            f"the aggregator is {type(factory).__name__}, not a factory of tff.aggregators; pass one, or a function "
            "without arguments that returns one as module:function."
        )
    return factory
