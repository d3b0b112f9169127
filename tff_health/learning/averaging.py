"""Averaged iterates: the model is the mean of the shared models of many rounds, not the last one.

Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging". Under noise the mean is steadier
than its last term, and it is post-processing: it costs no privacy where every round's model is already private.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff


class AveragedState(NamedTuple):
    """State of an averaging process.

    Attributes:
        process: the inner process' state.
        average: `ModelWeights`, the mean over rounds; the last model as long as there is no round to average.
        rounds: int32, how many rounds were made.
    """

    process: Any
    average: Any
    rounds: Any


def average_iterates(
    process: tff.learning.templates.LearningProcess, after: int = 0
) -> tff.learning.templates.LearningProcess:
    """Wraps a process so that `get_model_weights` gives the mean over rounds; hospitals train from the last model.

    Args:
        process: any learning process whose model weights are `ModelWeights`.
        after: rounds that stay out of the mean, as they are still on their way.

    Returns:
        A process over `AveragedState`, of the same clients' data, metrics and hyperparameters. Setting model weights
        starts the mean afresh.
    """
    inner_type = process.initialize.type_signature.result.member
    weights_type = process.get_model_weights.type_signature.result
    data_type = process.next.type_signature.parameter[1]

    @tff.tensorflow.computation(inner_type)
    def start(inner: Any) -> Any:
        return AveragedState(inner, process.get_model_weights(inner), tf.constant(0, tf.int32))

    state_type = start.type_signature.result

    @tff.tensorflow.computation(state_type, inner_type)
    def add(state: Any, inner: Any) -> Any:
        rounds = state.rounds + 1
        share = 1.0 / tf.cast(tf.maximum(rounds - after, 1), tf.float32)
        newest = process.get_model_weights(inner)
        average = tf.nest.map_structure(
            lambda mean, value: mean + tf.cast(share, value.dtype) * (value - mean), state.average, newest
        )
        return AveragedState(inner, average, rounds)

    @tff.tensorflow.computation(state_type)
    def inner_of(state: Any) -> Any:
        return state.process

    @tff.federated_computation
    def initialize() -> Any:
        return tff.federated_map(start, process.initialize())

    @tff.federated_computation(tff.FederatedType(state_type, tff.SERVER), data_type)
    def next_round(state: Any, data: Any) -> Any:
        output = process.next(tff.federated_map(inner_of, state), data)
        return tff.learning.templates.LearningProcessOutput(
            tff.federated_map(add, (state, output.state)), output.metrics
        )

    @tff.tensorflow.computation(state_type)
    def get_model_weights(state: Any) -> Any:
        return state.average

    @tff.tensorflow.computation(state_type, weights_type)
    def set_model_weights(state: Any, weights: Any) -> Any:
        return AveragedState(process.set_model_weights(state.process, weights), weights, tf.zeros_like(state.rounds))

    @tff.tensorflow.computation(state_type)
    def get_hparams(state: Any) -> Any:
        return process.get_hparams(state.process)

    hparams_type = process.get_hparams.type_signature.result

    @tff.tensorflow.computation(state_type, hparams_type)
    def set_hparams(state: Any, hparams: Any) -> Any:
        return AveragedState(process.set_hparams(state.process, hparams), state.average, state.rounds)

    return tff.learning.templates.LearningProcess(
        initialize,
        next_round,
        get_model_weights,
        set_model_weights,
        get_hparams_fn=get_hparams,
        set_hparams_fn=set_hparams,
    )


def model_weights(state: Any) -> Any:
    """The `ModelWeights` of a process' state, averaged or not: `get_model_weights` without a call of TFF."""
    return state.average if isinstance(state, AveragedState) else state.global_model_weights


def with_model_weights(state: Any, weights: Any) -> Any:
    """The state with other `ModelWeights`, averaged or not: `set_model_weights` without a call of TFF."""
    if isinstance(state, AveragedState):
        inner = with_model_weights(state.process, weights)
        return state._replace(process=inner, average=weights, rounds=np.int32(0))
    return state._replace(global_model_weights=weights)
