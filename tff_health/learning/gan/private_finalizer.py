"""What the server does with a noisy gradient of the critic: the rest of the game, as post-processing."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.gan.finalizer_process import build_finalizer_process
from tff_health.learning.gan.network import TrainedNetwork, load_model, without_initialisers
from tff_health.learning.gan.private_task import PrivateGanTask
from tff_health.learning.gan.private_training import PrivateGanTraining
from tff_health.learning.gan.weights import network_weights, replaced, zero_moments


def build_private_finalizer(
    task: PrivateGanTask, training: PrivateGanTraining, weights_type: tff.Type, *, start: Any, seed: np.ndarray
) -> tff.learning.templates.FinalizerProcess:
    """The finalizer; its state holds the averaged gradient, Adam's moments of the generator and the server's seed.

    The critic descends on the sum of the patients' part of its loss, of which only the averaged noisy gradient is
    known, and the part of generated rows, whose gradient is exact and follows the generator in every turn.

    Args:
        task: networks and losses.
        training: turns and optimizers.
        weights_type: TFF type of the `ModelWeights`.
        start: the `ModelWeights` of the first round, NumPy arrays.
        seed: int64 [2], of everything that the server draws.
    """

    @tff.tensorflow.computation
    def initial_state() -> Any:
        moments = zero_moments(start.non_trainable["generator"])
        return OrderedDict(
            seed=tf.constant(seed),
            patients=tuple(tf.zeros_like(w) for w in start.trainable["critic"]),
            generator_moments=tuple(tf.constant(m) for m in moments),
        )

    state_type = initial_state.type_signature.result
    update_type = tff.to_type(tuple((w.dtype.type, w.shape) for w in start.trainable["critic"]))

    @tff.tensorflow.computation(state_type, weights_type, update_type)
    def finish(state: Any, weights: Any, update: Any) -> Any:
        return _finish(task, training, OrderedDict(state), weights, tuple(update))

    return build_finalizer_process(initial_state, finish)


def _finish(
    task: PrivateGanTask, training: PrivateGanTraining, state: Any, weights: Any, update: tuple[tf.Tensor, ...]
) -> Any:
    networks = without_initialisers(task.build_networks)
    generator = TrainedNetwork(networks.generator, training.generator)
    critic = tuple(networks.critic.trainable_variables)
    rounds = weights.non_trainable["rounds"]
    names = task.measured

    @tf.function(autograph=False)  # no Python loop is in here, and converting takes longer than a round
    def play() -> Any:
        averaged_over = tf.cast(rounds + 1, tf.float32)
        if training.gradient_memory is not None:
            averaged_over = tf.minimum(averaged_over, float(training.gradient_memory))
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in update])
        patients = tuple(
            tf.where(finite, mean + (part - mean) / averaged_over, mean)
            for mean, part in zip(state["patients"], update, strict=True)
        )
        load_model(networks.critic, *network_weights(weights, "critic"))
        generator.load(*network_weights(weights, "generator"), tuple(state["generator_moments"]))
        own = tf.random.experimental.stateless_fold_in(state["seed"], rounds)
        made = tf.cast(rounds * training.turns, tf.float32)

        def turn(done: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seeds = tf.random.experimental.stateless_split(tf.random.experimental.stateless_fold_in(own, done), 2)
            fakes = task.fakes(networks.generator, task.draws(seeds[0]))
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(critic)
                loss = task.fake_loss(networks.critic, fakes)
            gradients = tape.gradient(loss, critic, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            for variable, of_fakes, of_patients in zip(critic, gradients, patients, strict=True):
                whole = of_fakes + of_patients + training.critic_weight_decay * variable
                variable.assign_sub(training.critic_learning_rate * whole)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(generator.variables)
                value, measured = task.generator_loss(networks, task.draws(seeds[1]))
            generator.apply(tape.gradient(value, generator.variables), made + tf.cast(done, tf.float32))
            return done + 1, sums + tf.stack([measured[name] for name in names])

        _, sums = tf.while_loop(
            lambda done, _: done < training.turns,
            turn,
            (tf.constant(0), tf.zeros([len(names)])),
            parallel_iterations=1,
        )
        after = tuple(variable.read_value() for variable in critic)
        measured = OrderedDict(zip(names, tf.unstack(sums / training.turns), strict=True))
        return patients, after, generator.weights(), generator.statistics(), generator.moments(), measured

    state["patients"], after, made, statistics, state["generator_moments"], measured = play()
    values = {"critic": after, "generator": made, "generator_statistics": statistics, "rounds": rounds + 1}
    return state, replaced(weights, values), measured
