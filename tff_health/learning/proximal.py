"""FedProx as a client optimizer.

TFF 0.87 has `build_weighted_fed_prox`, but its client work adds mu (w0 - w) to the gradient where the derivative of
(mu / 2) |w - w0|^2 is mu (w - w0): it drives hospitals *away* from the shared model. This wrapper has the sign of
the paper (Li et al. 2020, arXiv 1812.06127, eq. 2) and works with every client work and every inner optimizer.
"""

from __future__ import annotations

import collections
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff


class ProximalOptimizer(tff.learning.optimizers.Optimizer):
    """An optimizer whose gradients are pulled towards the weights of its first step.

    A client's optimizer starts afresh every round, so its first step's weights are the shared model's.

    Args:
        inner: the optimizer that takes the steps.
        strength: mu, above 0.

    Raises:
        ValueError: `strength` is not positive.
    """

    def __init__(self, inner: tff.learning.optimizers.Optimizer, strength: float) -> None:
        if not strength > 0:
            raise ValueError(f"the proximal strength must be above 0, got {strength}")
        self._inner, self._strength = inner, strength

    def initialize(self, specs: Any) -> Any:
        """State before the first step: no anchor yet."""
        return collections.OrderedDict(
            inner=self._inner.initialize(specs),
            steps=tf.constant(0, tf.int64),
            anchor=tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), specs),
        )

    def next(self, state: Any, weights: Any, gradients: Any) -> tuple[Any, Any]:
        """One step of the inner optimizer along gradient + mu (weights - anchor)."""
        first = tf.equal(state["steps"], 0)
        # Weights may be variables: what is kept is their value before this step.
        values = tf.nest.map_structure(tf.convert_to_tensor, weights)
        anchor = tf.nest.map_structure(lambda now, kept: tf.where(first, now, kept), values, state["anchor"])
        pulled = tf.nest.map_structure(
            lambda gradient, now, kept: gradient + self._strength * (now - kept), gradients, values, anchor
        )
        inner, updated = self._inner.next(state["inner"], weights, pulled)
        return collections.OrderedDict(inner=inner, steps=state["steps"] + 1, anchor=anchor), updated
