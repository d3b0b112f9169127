"""The TFF process around what every hospital does in a round, where only what it measures differs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import tensorflow_federated as tff


def build_client_work(
    local_work: tff.Computation, over_hospitals: Callable[[Any], Any]
) -> tff.learning.templates.ClientWorkProcess:
    """A client work that remembers nothing between rounds.

    Args:
        local_work: `(ModelWeights, data) -> (ClientResult, measured)`, what one hospital does.
        over_hospitals: from `measured` at all hospitals to the round's measurements at the server, in terms of TFF's
            federated operators.

    Returns:
        The process, of the same weights' and data's types.
    """
    weights_type, data_type = local_work.type_signature.parameter

    @tff.federated_computation
    def initialize() -> Any:
        return tff.federated_value((), tff.SERVER)

    @tff.federated_computation(
        tff.FederatedType((), tff.SERVER),
        tff.FederatedType(weights_type, tff.CLIENTS),
        tff.FederatedType(data_type, tff.CLIENTS),
    )
    def next_update(state: Any, weights: Any, data: Any) -> Any:
        result, measured = tff.federated_map(local_work, (weights, data))
        return tff.templates.MeasuredProcessOutput(state, result, over_hospitals(measured))

    return tff.learning.templates.ClientWorkProcess(initialize, next_update)


def executed_extremes(executed: Any) -> Any:
    """What ran, over hospitals, as `dp_sgd.check_executed` reads it.

    Args:
        executed: at each hospital, `hospitals` (1) and `values`, numbers by name.

    Returns:
        `hospitals`, how many; `smallest` and `largest` values over them.
    """
    return tff.federated_zip(
        OrderedDict(
            hospitals=tff.federated_sum(executed["hospitals"]),
            smallest=tff.federated_min(executed["values"]),
            largest=tff.federated_max(executed["values"]),
        )
    )
