"""One hospital's NaN or infinity must not poison the model of all.

TFF's own client work zeroes non-finite updates, another's may not, and clipping does not help: the norm of an
update with NaN in it is NaN, and entries of 1e38 have an infinite norm in float32, which turns
`tf.clip_by_global_norm`'s result into NaN. So every entry of the catalogue is guarded.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.mapped import MappedFactory


def _norm_is_finite(update: Any) -> tf.Tensor:
    """Whether the L2 norm over all tensors is finite in float32: no NaN, no infinity, no overflow."""
    squares = [tf.reduce_sum(tf.square(tf.cast(tensor, tf.float32))) for tensor in tf.nest.flatten(update)]
    return tf.math.is_finite(tf.add_n(squares))


def zero_unless_finite(update: Any) -> Any:
    """The update as it is, or all zeros where its float32 L2 norm is not a finite number.

    Args:
        update: structure of float tensors.
    """
    finite = _norm_is_finite(update)
    return tf.nest.map_structure(lambda tensor: tf.where(finite, tensor, tf.zeros_like(tensor)), update)


class FiniteGuard(MappedFactory):
    """An unweighted factory in front of which every non-finite update is zeroed as a whole.

    The hospital still counts as having taken part: under hospital-level DP its presence is public and its
    contribution is then the empty one. A result that is not finite all the same (a sum that overflowed) becomes
    zeros.
    """

    def __init__(self, inner: tff.aggregators.UnweightedAggregationFactory) -> None:
        super().__init__(inner, before=zero_unless_finite, after=zero_unless_finite)


class WeightedFiniteGuard(tff.aggregators.WeightedAggregationFactory):
    """A weighted factory before which non-finite updates lose their weight too.

    A round without any usable weight (0 / 0 in a weighted mean) gives zeros: the model stays as it was.
    """

    def __init__(self, inner: tff.aggregators.WeightedAggregationFactory) -> None:
        self._inner = inner

    def create(self, value_type: tff.Type, weight_type: tff.Type) -> tff.templates.AggregationProcess:
        """The process for updates of `value_type` and weights of `weight_type`."""
        inner = self._inner.create(value_type, weight_type)

        @tff.tensorflow.computation(value_type, weight_type)
        def at_hospital(value: Any, weight: Any) -> Any:
            usable = _norm_is_finite(value) & tf.math.is_finite(tf.cast(weight, tf.float32))
            kept = tf.nest.map_structure(lambda tensor: tf.where(usable, tensor, tf.zeros_like(tensor)), value)
            return kept, tf.where(usable, weight, tf.zeros_like(weight))

        at_server = tff.tensorflow.computation(zero_unless_finite, inner.next.type_signature.result.result.member)

        @tff.federated_computation(
            inner.initialize.type_signature.result,
            tff.FederatedType(value_type, tff.CLIENTS),
            tff.FederatedType(weight_type, tff.CLIENTS),
        )
        def next_fn(state: Any, value: Any, weight: Any) -> Any:
            kept = tff.federated_map(at_hospital, (value, weight))
            output = inner.next(state, kept[0], kept[1])
            result = tff.federated_map(at_server, output.result)
            return tff.templates.MeasuredProcessOutput(output.state, result, output.measurements)

        return tff.templates.AggregationProcess(inner.initialize, next_fn)


def guarded(factory: Any) -> Any:
    """The factory behind the guard of its kind; weighted stays weighted."""
    if isinstance(factory, tff.aggregators.WeightedAggregationFactory):
        return WeightedFiniteGuard(factory)
    return FiniteGuard(factory)
