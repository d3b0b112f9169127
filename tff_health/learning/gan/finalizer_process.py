"""The TFF process around what the server of a GAN does at the end of a round."""

from __future__ import annotations

from typing import Any

import tensorflow_federated as tff


def build_finalizer_process(
    initial_state: tff.Computation, finish: tff.Computation
) -> tff.learning.templates.FinalizerProcess:
    """The finalizer of two computations at the server.

    Args:
        initial_state: `() -> state`.
        finish: `(state, ModelWeights, mean update) -> (state, ModelWeights, measured)`.
    """
    state_type, weights_type, update_type = finish.type_signature.parameter

    @tff.federated_computation
    def initialize() -> Any:
        return tff.federated_eval(initial_state, tff.SERVER)

    @tff.federated_computation(
        tff.FederatedType(state_type, tff.SERVER),
        tff.FederatedType(weights_type, tff.SERVER),
        tff.FederatedType(update_type, tff.SERVER),
    )
    def next_weights(state: Any, weights: Any, update: Any) -> Any:
        new_state, new_weights, measured = tff.federated_map(finish, (state, weights, update))
        return tff.templates.MeasuredProcessOutput(new_state, new_weights, measured)

    return tff.learning.templates.FinalizerProcess(initialize, next_weights)
