"""A record, in the aggregator's state, of the rounds that ran and the hospitals that took part in them."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff


class ParticipationLog(tff.aggregators.UnweightedAggregationFactory):
    """Counts rounds and hospitals, so that what is accounted can be held against what ran.

    Where noise comes in shares, a hospital that stays away takes its share with it; where the divisor is a public
    constant, one too many changes the mean. The numbers of rounds and hospitals are public.

    State: `inner` (the wrapped process'), `rounds`, `fewest_hospitals` and `most_hospitals` in any round so far
    (int32; 0 before the first).

    Args:
        inner: the aggregation proper.
        count_sum: sums one int32 1 of each hospital; a secure sum where nothing else may be visible.
        show_measurements: False drops the inner measurements: un-noised counts of clipped hospitals or the like
            would be releases that nobody accounts.
    """

    def __init__(
        self,
        inner: tff.aggregators.UnweightedAggregationFactory,
        count_sum: tff.aggregators.UnweightedAggregationFactory,
        *,
        show_measurements: bool,
    ) -> None:
        self._inner, self._count_sum, self._show = inner, count_sum, show_measurements

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """The process for updates of `value_type`."""
        inner = self._inner.create(value_type)
        count = self._count_sum.create(tff.to_type(np.int32))

        @tff.federated_computation()
        def init_fn() -> Any:
            zero = tff.federated_value(0, tff.SERVER)
            state = collections.OrderedDict(
                inner=inner.initialize(), rounds=zero, fewest_hospitals=zero, most_hospitals=zero
            )
            return tff.federated_zip(state)

        @tff.tensorflow.computation(np.int32, np.int32, np.int32, np.int32)
        def tally(rounds: Any, fewest: Any, most: Any, present: Any) -> Any:
            first = tf.equal(rounds, 0)
            return rounds + 1, tf.where(first, present, tf.minimum(fewest, present)), tf.maximum(most, present)

        @tff.federated_computation(init_fn.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS))
        def next_fn(state: Any, value: Any) -> Any:
            output = inner.next(state["inner"], value)
            ones = tff.federated_value(1, tff.CLIENTS)
            present = count.next(count.initialize(), ones).result
            tallied = tff.federated_map(
                tally, (state["rounds"], state["fewest_hospitals"], state["most_hospitals"], present)
            )
            new_state = collections.OrderedDict(
                inner=output.state, rounds=tallied[0], fewest_hospitals=tallied[1], most_hospitals=tallied[2]
            )
            measurements = output.measurements if self._show else tff.federated_value((), tff.SERVER)
            return tff.templates.MeasuredProcessOutput(tff.federated_zip(new_state), output.result, measurements)

        return tff.templates.AggregationProcess(init_fn, next_fn)
