"""What an aggregator must be before a privacy guarantee may rest on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data.errors import SettingsError

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory


def guarantees_fixed_weights(aggregator: str | Factory) -> bool:
    """Whether every hospital counts the same, whatever its data. A name of the catalogue needs no TensorFlow."""
    from tff_health.aggregators.catalogue import CATALOGUE, resolve_aggregator

    if isinstance(aggregator, str) and aggregator in CATALOGUE:
        return not CATALOGUE[aggregator].weighted
    import tensorflow_federated as tff

    return isinstance(resolve_aggregator(aggregator), tff.aggregators.UnweightedAggregationFactory)


def require_fixed_weights(aggregator: str | Factory) -> None:
    """Refuses a weighted aggregator where a guarantee is claimed.

    Raises:
        SettingsError: it weights hospitals.
    """
    if not guarantees_fixed_weights(aggregator):
        what = repr(aggregator) if isinstance(aggregator, str) else type(aggregator).__name__
        raise SettingsError(
            f"Weighted aggregation under a guarantee is refused: {what} weights hospitals by their data, which no "
            "noise accounts for; take an unweighted one such as uniform-mean."
        )


def sums_securely(factory: Factory) -> bool:
    """Whether everything that leaves a hospital does so through a secure sum.

    Found by TFF's static analysis of the process that the factory makes for an update of two float32 tensors. It says
    nothing about what is done to updates before they are summed, nor whether the sum is simulated.

    Args:
        factory: weighted or unweighted.
    """
    import numpy as np
    import tensorflow_federated as tff

    update = tff.to_type([(np.float32, [2, 3]), (np.float32, [3])])
    process: Any = (
        factory.create(update, tff.to_type(np.float32))
        if isinstance(factory, tff.aggregators.WeightedAggregationFactory)
        else factory.create(update)
    )
    try:
        tff.test.assert_contains_secure_aggregation(process.next)
        tff.test.assert_not_contains_unsecure_aggregation(process.next)
    except AssertionError:
        return False
    return True
