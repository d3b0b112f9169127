"""What the server does in a round: it takes the mean update and, where that is its part, trains the generator."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.gan.finalizer_process import build_finalizer_process
from tff_health.learning.gan.network import TrainedNetwork, load_model, without_initialisers
from tff_health.learning.gan.steps import train_generator
from tff_health.learning.gan.task import GanTask
from tff_health.learning.gan.training import GanTraining
from tff_health.learning.gan.weights import flat, network_weights, replaced, shared_part, unflat, zero_moments


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
    server_trains = training.mode == "server-generator"
    update_type = tff.to_type(tuple((w.dtype.type, w.shape) for w in flat(shared_part(start))))

    @tff.tensorflow.computation
    def initial_state() -> Any:
        specs = tuple(tf.TensorSpec(w.shape, w.dtype) for w in flat(start.trainable))
        state = OrderedDict(seed=tf.constant(seed), optimizer=server_optimizer.initialize(specs))
        if server_trains and training.memory == "kept":
            moments = zero_moments(start.non_trainable["generator"])
            state["generator_moments"] = tuple(tf.constant(moment) for moment in moments)
        return state

    state_type = initial_state.type_signature.result

    @tff.tensorflow.computation(state_type, weights_type, update_type)
    def finish(state: Any, weights: Any, update: Any) -> Any:
        state = OrderedDict(state)
        # A sum can overflow: then the round is lost, not the model.
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in update])
        update = tuple(tf.where(finite, part, tf.zeros_like(part)) for part in update)
        shared, state["optimizer"] = _apply(weights, update, state["optimizer"], server_optimizer)
        rounds = weights.non_trainable["rounds"]
        aggregated = replaced(weights, shared | {"rounds": rounds + 1})
        if not server_trains:
            return state, aggregated, OrderedDict()
        moments = state.get("generator_moments")
        generator, statistics, moments_after, measured = _train_generator(
            task, training, aggregated, moments, state["seed"], rounds
        )
        if moments is not None:
            state["generator_moments"] = moments_after
        return state, replaced(aggregated, {"generator": generator, "generator_statistics": statistics}), measured

    return build_finalizer_process(initial_state, finish)


def _apply(weights: Any, update: Any, optimizer_state: Any, optimizer: tff.learning.optimizers.Optimizer) -> Any:
    """The shared part after the round: weights by the optimizer, statistics and moments by plain averaging."""
    shared = shared_part(weights)
    after = unflat(shared, tuple(value - change for value, change in zip(flat(shared), update, strict=True)))
    own = flat(weights.trainable)
    optimizer_state, stepped = optimizer.next(optimizer_state, own, tuple(update[: len(own)]))
    after |= unflat(weights.trainable, stepped)
    for name, values in after.items():
        if name.endswith("_moments"):
            # An aggregator that clips, rounds or noises may push a mean square below zero.
            half = len(values) // 2
            after[name] = (*values[:half], *(tf.maximum(value, 0.0) for value in values[half:]))
    return after, optimizer_state


def _train_generator(
    task: GanTask, training: GanTraining, weights: Any, moments: Any, seed: tf.Tensor, rounds: tf.Tensor
) -> Any:
    networks = without_initialisers(task.build_networks)
    generator = TrainedNetwork(networks.generator, training.generator)

    @tf.function(autograph=False)  # as in the client work
    def train() -> Any:
        load_model(networks.critic, *network_weights(weights, "critic"))
        generator.load(*network_weights(weights, "generator"), None if moments is None else tuple(moments))
        own = tf.random.experimental.stateless_fold_in(seed, rounds, alg="philox")
        updates = training.generator_updates
        draws = task.generator_draws(None, updates, own)
        made = tf.constant(0.0) if moments is None else tf.cast(rounds * updates, tf.float32)
        measured = train_generator(task, networks, generator, draws, updates, made)
        with tf.control_dependencies(list(measured.values())):
            return generator.weights(), generator.statistics(), generator.moments(), measured

    return train()
