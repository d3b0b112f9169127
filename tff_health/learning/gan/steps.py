"""The training loops of one round, as graphs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf

from tff_health.learning.gan.network import TrainedNetwork
from tff_health.learning.gan.task import Draws, GanTask, Loss, Networks, at_step

Measured: TypeAlias = "OrderedDict[str, tf.Tensor]"


def train_critic(
    task: GanTask, critic: TrainedNetwork, fakes: tf.Tensor, draws: Draws, updates: int, made: tf.Tensor
) -> Measured:
    """Steps of the critic against a generator that stays as it is.

    Args:
        task: losses.
        critic: trained in place.
        fakes: [updates, ...], for all steps.
        draws: of the critic, for all steps.
        updates: how many.
        made: float32, steps that Adam's moments remember.

    Returns:
        what was measured, mean over steps.
    """

    def step(done: tf.Tensor) -> Measured:
        return _critic_step(task, critic, fakes[done], at_step(draws, done), made + tf.cast(done, tf.float32))

    return _repeat(step, updates, task.critic_measured)


def train_generator(
    task: GanTask, networks: Networks, generator: TrainedNetwork, draws: Draws, updates: int, made: tf.Tensor
) -> Measured:
    """Steps of the generator on a critic that stays as it is; arguments as for `train_critic`."""

    def step(done: tf.Tensor) -> Measured:
        return _generator_step(task, networks, generator, at_step(draws, done), made + tf.cast(done, tf.float32))

    return _repeat(step, updates, task.generator_measured)


def train_in_turn(
    task: GanTask,
    networks: Networks,
    trained: dict[str, TrainedNetwork],
    draws: dict[str, Draws],
    updates: tuple[int, int],
    made: dict[str, tf.Tensor],
) -> Measured:
    """Steps of both: each step of the generator follows equally many of the critic.

    Args:
        task: losses.
        networks: the models of `trained`.
        trained: by name; trained in place.
        draws: by name, for all steps.
        updates: of the critic, a multiple of those of the generator.
        made: by name, steps that Adam's moments remember.
    """
    each = updates[0] // updates[1]

    def turn(done: tf.Tensor) -> Measured:
        def critic_step(inner: tf.Tensor) -> Measured:
            step = done * each + inner
            own = at_step(draws["critic"], step)
            fakes = tf.stop_gradient(task.fakes(networks.generator, own))
            return _critic_step(task, trained["critic"], fakes, own, made["critic"] + tf.cast(step, tf.float32))

        measured = critic_step(tf.constant(0)) if each == 1 else _repeat(critic_step, each, task.critic_measured)
        with tf.control_dependencies(list(measured.values())):
            own = at_step(draws["generator"], done)
            steps = made["generator"] + tf.cast(done, tf.float32)
            measured |= _generator_step(task, networks, trained["generator"], own, steps)
        return measured

    return _repeat(turn, updates[1], (*task.critic_measured, *task.generator_measured))


def _critic_step(task: GanTask, critic: TrainedNetwork, fakes: tf.Tensor, draws: Draws, made: tf.Tensor) -> Measured:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(critic.variables)
        loss: Loss = task.critic_loss(critic.model, fakes, draws)
    critic.apply(tape.gradient(loss.value, critic.variables), made)
    return loss.measured


def _generator_step(
    task: GanTask, networks: Networks, generator: TrainedNetwork, draws: Draws, made: tf.Tensor
) -> Measured:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(generator.variables)
        loss: Loss = task.generator_loss(networks, draws)
    generator.apply(tape.gradient(loss.value, generator.variables), made)
    return loss.measured


def _repeat(step: Callable[[tf.Tensor], Measured], times: int, names: Sequence[str]) -> Measured:
    """Runs a step so often, one after the other, and returns the mean of what it measures."""

    def body(done: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        measured = step(done)
        return done + 1, sums + tf.stack([measured[name] for name in names])

    start = (tf.constant(0), tf.zeros([len(names)]))
    _, sums = tf.while_loop(lambda done, _: done < times, body, start, parallel_iterations=1)
    return OrderedDict(zip(names, tf.unstack(sums / times), strict=True))
