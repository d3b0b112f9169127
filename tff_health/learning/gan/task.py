"""The seam between federated GAN training and what is generated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Any, ClassVar, NamedTuple, TypeAlias

import tensorflow as tf

Draws: TypeAlias = Any
"""Nested tensors [steps, ...]: everything random, and every real row, that some training steps use."""


class Networks(NamedTuple):
    """Uncompiled Keras models."""

    generator: tf.keras.Model
    critic: tf.keras.Model


class Loss(NamedTuple):
    """A scalar to descend, and scalars to report by name."""

    value: tf.Tensor
    measured: OrderedDict[str, tf.Tensor]


class GanTask(ABC):
    """What is generated, by which networks, for which losses.

    Everything is built into TensorFlow graphs; nothing may be random but by the seeds that are passed in, so that draws
    are made ahead for all steps of a round, and the training loops hold arithmetic only.

    Attributes:
        critic_measured: names of what `critic_loss` measures.
        generator_measured: names of what `generator_loss` measures; none of them is a name of the critic's.
    """

    critic_measured: ClassVar[tuple[str, ...]]
    generator_measured: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def rows_spec(self) -> tf.TensorSpec:
        """Of a hospital's real rows: [None, ...]."""

    @abstractmethod
    def build_networks(self) -> Networks:
        """Fresh networks, the same architecture each time."""

    @abstractmethod
    def critic_draws(self, rows: tf.Tensor, steps: int, seed: tf.Tensor) -> Draws:
        """What so many steps of the critic use.

        Args:
            rows: the hospital's real rows, at least one.
            steps: how many.
            seed: int64 [2].
        """

    @abstractmethod
    def generator_draws(self, rows: tf.Tensor | None, steps: int, seed: tf.Tensor) -> Draws:
        """What so many steps of the generator use.

        Args:
            rows: of the hospital where the generator is trained; None on the server, which has none.
            steps: how many.
            seed: int64 [2].
        """

    @abstractmethod
    def fakes(self, generator: tf.keras.Model, draws: Draws) -> tf.Tensor:
        """Generated rows for the critic's draws of one step or of several at once (one leading dimension more).

        Several at once go through the generator as one batch.
        """

    @abstractmethod
    def critic_loss(self, critic: tf.keras.Model, fakes: tf.Tensor, draws: Draws) -> Loss:
        """Of one step, whose real rows are in the draws; gradients of it reach the critic only."""

    @abstractmethod
    def generator_loss(self, networks: Networks, draws: Draws) -> Loss:
        """Of one step."""


def at_step(draws: Draws, step: tf.Tensor) -> Draws:
    """The draws of one step."""
    return tf.nest.map_structure(lambda tensor: tensor[step], draws)
