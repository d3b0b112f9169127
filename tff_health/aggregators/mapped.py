"""An aggregation with something done to each hospital's update before it, or to its result after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow_federated as tff

Map = Callable[[Any], Any]


class MappedFactory(tff.aggregators.UnweightedAggregationFactory):
    """Wraps an unweighted factory in two TensorFlow functions; state and measurements are the inner one's.

    Args:
        inner: aggregates what `before` returns.
        before: runs at each hospital on its update.
        after: runs at the server on the inner result.
    """

    def __init__(
        self,
        inner: tff.aggregators.UnweightedAggregationFactory,
        *,
        before: Map,
        after: Map | None = None,
    ) -> None:
        self._inner, self._before, self._after = inner, before, after

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """The process for updates of `value_type`."""
        at_hospital = tff.tensorflow.computation(self._before, value_type)
        inner = self._inner.create(at_hospital.type_signature.result)
        summed_type = inner.next.type_signature.result.result.member
        at_server = tff.tensorflow.computation(self._after or (lambda value: value), summed_type)

        @tff.federated_computation(inner.initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS))
        def next_fn(state: Any, value: Any) -> Any:
            output = inner.next(state, tff.federated_map(at_hospital, value))
            result = tff.federated_map(at_server, output.result) if self._after else output.result
            return tff.templates.MeasuredProcessOutput(output.state, result, output.measurements)

        return tff.templates.AggregationProcess(inner.initialize, next_fn)
