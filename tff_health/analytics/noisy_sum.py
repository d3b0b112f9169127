"""A sum over hospitals with Gaussian noise: added by the server, in shares by the hospitals, or in full by each."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.analytics.private_settings import NoisePlacement
from tff_health.runtime.entropy import fresh_generator


class NoisySumFactory(tff.aggregators.UnweightedAggregationFactory):
    """Sums a structure of float tensors over hospitals and adds independent Gaussian noise to every entry.

    The noise is drawn in TensorFlow where it is added, from a generator whose 192 bits of state come from the operating
    system anew at every call and in every hospital (`runtime.entropy`); no seed of an experiment reaches it. It is
    floating-point Gaussian noise, so attacks on the lowest bits of its samples (Mironov, "On significance of the least
    significant bits for differential privacy", 2012) are not covered, and TensorFlow's generator is not a cryptographic
    one.

    The guarantee rests on the caller: one unit may move the summed structure by an L2 norm of at most
    stddev / noise multiplier, and exactly `hospitals` hospitals take part.
    """

    def __init__(
        self,
        stddev: float,
        placement: NoisePlacement,
        hospitals: int,
        sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
    ) -> None:
        """Sets up the factory.

        Args:
            stddev: standard deviation of the noise that the guarantee needs, above 0.
            placement: `server`: the noise is added once, to the total. `shared`: each hospital adds noise of standard
                deviation stddev / sqrt(hospitals), so that the total has `stddev`; `sum_factory` must hide the
                hospitals' values. `each-hospital`: each hospital adds `stddev`; the total has sqrt(hospitals) times it.
            hospitals: how many take part, 1 or more.
            sum_factory: sums over hospitals; a plain sum by default. One that clips or rounds does so after the noise
                of `shared` and `each-hospital`, so its range should leave room for the noise.

        Raises:
            ValueError: a value is out of range.
        """
        if not (math.isfinite(stddev) and stddev > 0):
            raise ValueError(f"stddev must be above 0 and finite, not {stddev}")
        if placement not in get_args(NoisePlacement):
            raise ValueError(f"placement must be one of {', '.join(get_args(NoisePlacement))}, not {placement!r}")
        if hospitals < 1:
            raise ValueError(f"hospitals must be 1 or more, not {hospitals}")
        if placement == "shared" and sum_factory is None:
            raise ValueError(
                "noise in shares needs a secure sum as sum_factory: a plain sum shows each hospital's value"
            )
        self._stddev = stddev
        self._placement = placement
        self._hospitals = hospitals
        self._sum_factory = sum_factory or tff.aggregators.SumFactory()

    @property
    def hospital_stddev(self) -> float:
        """Standard deviation of what each hospital adds to each entry."""
        return hospital_stddev(self._stddev, self._placement, self._hospitals)

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process; its result is the noisy sum, its state and measurements are the inner sum's.

        Raises:
            TypeError: the values are not float32 or float64 tensors.
        """
        inner = self._sum_factory.create(value_type)
        at_hospital = add_gaussian_noise(value_type, self.hospital_stddev) if self.hospital_stddev else None
        at_server = add_gaussian_noise(value_type, self._stddev) if self._placement == "server" else None

        @tff.federated_computation(inner.initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS))
        def next_fn(state: Any, value: Any) -> tff.templates.MeasuredProcessOutput:
            if at_hospital is not None:
                value = tff.federated_map(at_hospital, value)
            output = inner.next(state, value)
            total = output.result if at_server is None else tff.federated_map(at_server, output.result)
            return tff.templates.MeasuredProcessOutput(output.state, total, output.measurements)

        return tff.templates.AggregationProcess(inner.initialize, next_fn)


def hospital_stddev(stddev: float, placement: NoisePlacement, hospitals: int) -> float:
    """Standard deviation of the noise that each hospital adds itself, 0 where the server adds it."""
    return {"server": 0.0, "shared": stddev / math.sqrt(hospitals), "each-hospital": stddev}[placement]


def add_gaussian_noise(value_type: tff.Type, stddev: float) -> tff.Computation:
    """The computation that adds fresh N(0, stddev**2) to every entry of a structure of float tensors.

    Raises:
        TypeError: the values are not float32 or float64 tensors.
    """
    if not tff.types.is_structure_of_floats(value_type):
        raise TypeError(f"Gaussian noise is added to float32 or float64 tensors, not to {value_type}")

    @tff.tensorflow.computation(value_type)
    def noisy(value: Any) -> Any:
        generator = fresh_generator()

        def with_noise(tensor: tf.Tensor) -> tf.Tensor:
            scale = tf.constant(stddev, tensor.dtype)
            return tensor + generator.normal(tf.shape(tensor), stddev=scale, dtype=tensor.dtype)

        return tf.nest.map_structure(with_noise, value)

    return noisy


def secure_sum_for(most: float, stddev: float) -> tff.aggregators.UnweightedAggregationFactory:
    """TFF's secure sum, with a range that holds a hospital's values and their noise.

    TFF clips to the range and rounds to about 2**-32 of it. Both happen after the hospital's noise and before the sum,
    so neither may matter: the range leaves 12 standard deviations to the noise, exceeded less than once in 10**32.

    Args:
        most: the largest absolute value of an entry before noise, from public numbers.
        stddev: standard deviation of the noise that the hospital added.
    """
    bound = float(np.ceil(most + 12 * stddev))
    return tff.aggregators.SecureSumFactory(upper_bound_threshold=bound, lower_bound_threshold=-bound)
