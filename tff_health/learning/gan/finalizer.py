"""What the server does in a round: it takes the mean update and, where that is its part, trains the generator."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.gan.network import TrainedNetwork, load_model, without_initialisers
from tff_health.learning.gan.steps import Measured, train_generator
from tff_health.learning.gan.task import GanTask
from tff_health.learning.gan.training import GanTraining
from tff_health.learning.gan.weights import network_weights, shared_part, with_shared_part, zero_memory


def build_gan_finalizer(
    task: GanTask,
    training: GanTraining,
    weights_type: tff.Type,
    *,
    start: Any,
    seed: np.ndarray,
    server_optimizer: tff.learning.optimizers.Optimizer,
) -> tff.learning.templates.FinalizerProcess:
    """The finalizer; its state is all that the server remembers beside the weights.

    Args:
        task: networks and losses.
        training: steps and optimizers.
        weights_type: TFF type of the `ModelWeights`.
        start: the `ModelWeights` of the first round, NumPy arrays.
        seed: int64 [2], of everything that the server draws.
        server_optimizer: steps along the mean update of the weights that hospitals train.
    """
    weights_specs = tf.nest.map_structure(lambda w: tf.TensorSpec(w.shape, w.dtype), start.trainable)
    server_trains = training.mode == "server-generator"

    @tff.tensorflow.computation
    def initial_state() -> Any:
        state = OrderedDict(seed=tf.constant(seed), optimizer=server_optimizer.initialize(_flat(weights_specs)))
        if server_trains:
            memory = zero_memory(start.non_trainable["generator"])
            state["generator_memory"] = tf.nest.map_structure(tf.constant, memory)
        return state

    state_type = initial_state.type_signature.result
    update_type = tff.to_type(
        tuple((w.dtype.type, w.shape) for w in tf.nest.flatten(shared_part(start)))  # as in the client work
    )

    @tff.tensorflow.computation(state_type, weights_type, update_type)
    def finish(state: Any, weights: Any, update: Any) -> Any:
        state = OrderedDict(state)
        # A sum can overflow: then the round is lost, not the model.
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in update])
        update = tuple(tf.where(finite, part, tf.zeros_like(part)) for part in update)
        shared, state["optimizer"] = _apply(weights, update, state["optimizer"], server_optimizer)
        rounds = weights.non_trainable["rounds"]
        replaced: dict[str, Any] = {"rounds": rounds + 1}
        measured: Measured = OrderedDict()
        if server_trains:
            aggregated = with_shared_part(weights, shared)
            generator, statistics, state["generator_memory"], measured = _train_generator(
                task, training, aggregated, state["generator_memory"], state["seed"], rounds
            )
            replaced["generator"] = generator
            new = with_shared_part(weights, shared, **replaced)
            new.non_trainable["statistics"]["generator"] = statistics
        else:
            new = with_shared_part(weights, shared, **replaced)
        return state, new, measured

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


def _flat(structure: Any) -> tuple[Any, ...]:
    return tuple(tf.nest.flatten(structure))


def _apply(weights: Any, update: Any, optimizer_state: Any, optimizer: tff.learning.optimizers.Optimizer) -> Any:
    """The shared part after the round: weights by the optimizer, statistics and moments by plain averaging."""
    shared = shared_part(weights)
    changes = tf.nest.pack_sequence_as(shared, update)
    optimizer_state, stepped = optimizer.next(optimizer_state, _flat(shared["weights"]), _flat(changes["weights"]))
    after = tf.nest.map_structure(lambda value, change: value - change, shared, changes)
    after["weights"] = tf.nest.pack_sequence_as(shared["weights"], stepped)
    for moments in after["memory"].values():
        # An aggregator that clips, rounds or noises may push a mean square below zero.
        moments["second"] = tuple(tf.maximum(value, 0.0) for value in moments["second"])
    return after, optimizer_state


def _train_generator(
    task: GanTask, training: GanTraining, weights: Any, memory: Any, seed: tf.Tensor, rounds: tf.Tensor
) -> Any:
    networks = without_initialisers(task.build_networks)
    generator = TrainedNetwork(networks.generator, training.generator)

    @tf.function
    def train() -> Any:
        load_model(networks.critic, *network_weights(weights, "critic"))
        generator.load(*network_weights(weights, "generator"), memory)
        own = tf.random.experimental.stateless_fold_in(seed, rounds)
        updates = training.generator_updates
        draws = task.generator_draws(None, updates, own)
        made = tf.cast(rounds, tf.float32) * float(updates)
        measured = train_generator(task, networks, generator, draws, updates, made)
        with tf.control_dependencies(list(measured.values())):
            return generator.weights(), generator.statistics(), generator.memory(), measured

    return train()
