"""The seam between a GAN whose critic learns from patients within a privacy budget, and what is generated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tff_health.learning.gan.task import Draws, Loss, Networks


class PrivateGanTask(ABC):
    """What is generated, by which networks, for which losses.

    The critic's loss has two parts. That of a patient is a function of the patient's own row, of the weights, which are
    public, and of public randomness; its clipped gradients are all that hospitals send, as noisy sums. That of
    generated rows needs no patient: the server computes it as often as it likes.

    Attributes:
        measured: names of what `generator_loss` measures.
    """

    measured: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def rows_spec(self) -> tf.TensorSpec:
        """Of a hospital's real rows: [None, ...]."""

    @abstractmethod
    def build_networks(self) -> Networks:
        """Fresh networks, the same architecture each time; nothing in them may mix rows of a batch."""

    def start(self, generator: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """The generator's first trainable weights, from the initialised ones and what is public."""
        return generator

    @abstractmethod
    def partners(self, generator: tf.keras.Model, number: int | tf.Tensor, seed: tf.Tensor) -> Draws:
        """Public companions of patients in their losses, such as generated rows; may be an empty tuple.

        Args:
            generator: as broadcast.
            number: of the hospital's rows, a public number; the k-th companion is the k-th patient's.
            seed: int64 [2].

        Returns:
            nested tensors [number, ...].
        """

    @abstractmethod
    def patient_loss(self, critic: tf.keras.Model, row: tf.Tensor, partner: Draws) -> tf.Tensor:
        """What one patient adds to the critic's loss.

        Args:
            critic: whose weights the gradient is taken by.
            row: [1, ...].
            partner: of `partners`, [1, ...].

        Returns:
            a scalar.
        """

    @abstractmethod
    def draws(self, seed: tf.Tensor) -> Draws:
        """Everything random in one batch of the server's generated rows."""

    @abstractmethod
    def fakes(self, generator: tf.keras.Model, draws: Draws) -> tf.Tensor:
        """That batch."""

    @abstractmethod
    def fake_loss(self, critic: tf.keras.Model, fakes: tf.Tensor) -> tf.Tensor:
        """What generated rows add to the critic's loss: a scalar, a mean over rows."""

    @abstractmethod
    def generator_loss(self, networks: Networks, draws: Draws) -> Loss:
        """Of one step of the generator."""
