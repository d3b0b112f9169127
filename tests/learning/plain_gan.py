"""The order of a GAN process' steps in one hospital, in eager TensorFlow; what a step computes is the subclass' own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import tensorflow as tf

from tff_health.learning.gan.weights import initial_weights, network_weights
from tff_health.runtime.seeds import tf_seed

SEED = 4


class PlainGan(ABC):
    """Only what is random comes from the task; critics see `made` rows, and both networks step by Keras' Adam.

    Args:
        table: the hospital's rows.
        own: settings, of a CTGAN or a DCGAN.
        task: theirs.
        beta_2: of Adam.
    """

    def __init__(self, table: np.ndarray, own: Any, task: Any, beta_2: float) -> None:
        self.rows, self.own, self.task = tf.constant(table), own, task
        self.generator, self.critic = task.build_networks()
        start = initial_weights(task, own.training(), SEED)
        for name, model in (("generator", self.generator), ("critic", self.critic)):
            weights, statistics = network_weights(start, name)
            for variable, value in zip(model.trainable_variables, weights, strict=True):
                variable.assign(value)
            for variable, value in zip(model.non_trainable_variables, statistics, strict=True):
                variable.assign(value)
        self.critic_adam, self.generator_adam = (tf.keras.optimizers.legacy.Adam(2e-4, 0.5, beta_2, 1e-8) for _ in "cg")

    @abstractmethod
    def made(self, draw: dict[str, Any]) -> tf.Tensor:
        """What the generator makes of a step's, or all steps', draws."""

    @abstractmethod
    def critic_step(self, fake: tf.Tensor, draw: dict[str, Any]) -> None:
        """One step of the critic."""

    @abstractmethod
    def generator_step(self, draw: dict[str, Any]) -> None:
        """One step of the generator."""

    def round(self, number: int) -> None:
        updates, turns = self.own.local_updates, self.own.generator_updates
        seeds = tf.random.experimental.stateless_split(tf_seed(SEED, "round", 0, number), 2)
        draws = self.task.critic_draws(self.rows, updates, seeds[0])
        steps = [{name: value[k] for name, value in draws.items()} for k in range(updates)]
        if self.own.mode == "server-generator":
            # The hospital's copy of the generator is thrown away, with its moving statistics.
            before = statistics(self.generator)
            fakes = self.made(draws)
            put_back(self.generator, before)
            for k in range(updates):
                self.critic_step(fakes[k], steps[k])
            seed = tf.random.experimental.stateless_fold_in(tf_seed(SEED, "gan", "server"), number)
            drawn = self.task.generator_draws(None, turns, seed)
            before = statistics(self.critic)  # and so is the server's copy of the critic
            for k in range(turns):
                self.generator_step({name: value[k] for name, value in drawn.items()})
            put_back(self.critic, before)
            return
        drawn = self.task.generator_draws(self.rows, turns, seeds[1])
        for k, step in enumerate(steps, start=1):
            self.critic_step(self.made(step), step)
            if k % (updates // turns) == 0:
                self.generator_step({name: value[k * turns // updates - 1] for name, value in drawn.items()})

    def assert_equal(self, weights: Any) -> None:
        """Holds a process' weights to these networks', to 1e-4."""
        for name, model in (("generator", self.generator), ("critic", self.critic)):
            trainable, statistics = network_weights(weights, name)
            theirs = [*model.trainable_variables, *model.non_trainable_variables]
            for a, b in zip([*trainable, *statistics], theirs, strict=True):
                np.testing.assert_allclose(a, b.numpy(), atol=1e-4)


def statistics(model: tf.keras.Model) -> list[np.ndarray]:
    """A model's values outside the gradient."""
    return [variable.numpy() for variable in model.non_trainable_variables]


def put_back(model: tf.keras.Model, values: list[np.ndarray]) -> None:
    """Undoes what passes did to them."""
    for variable, value in zip(model.non_trainable_variables, values, strict=True):
        variable.assign(value)
