"""Encoded rows, for a critic that learns from patients within a privacy budget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import tensorflow as tf

from data.named import load_named
from tff_health.learning.ctgan.conditions import ConditionSampler
from tff_health.learning.ctgan.private_settings import PrivateCtganSettings
from tff_health.learning.ctgan.public_marginals import PublicMarginals
from tff_health.learning.ctgan.row_features import RowFeatures
from tff_health.learning.ctgan.row_generator import RowGenerator, gumbel
from tff_health.learning.gan.private_task import PrivateGanTask
from tff_health.learning.gan.task import Draws, Loss, Networks

_ALG = "philox"  # the same numbers on every machine
_TINY = 1e-12  # under the root, whose gradient at zero is infinite


class PrivateCtganTask(PrivateGanTask):
    """A generator held to released marginals, and a critic of how features go with the label.

    What each column looks like by itself is released once, with the encoding; the generator starts there and is held
    there by moments, so that the critic's budget goes where it is needed: into what goes with the label.

    A patient's loss is minus the critic's score of the row, with or without a gradient penalty at a point between the
    row and a generated one. The label, which is the condition that the critic judges a row by, is the row's own.

    Args:
        public: marginals of all columns.
        counts: by column that rows can be conditioned on, the released count of each category.
        settings: everything else.
    """

    measured: ClassVar[tuple[str, ...]] = ("generator_loss", "condition_loss", "marginal_loss")

    def __init__(
        self, public: PublicMarginals, counts: Mapping[str, np.ndarray], settings: PrivateCtganSettings
    ) -> None:
        self.settings, self.public = settings, public
        self.row_features = RowFeatures(public, bound=settings.clip)
        self._rows = RowGenerator(public.layout, settings.networks())
        self._conditions = ConditionSampler(self._rows.layout, counts, log_frequency=False)
        self._moments = public.moments()

    @property
    def rows_spec(self) -> tf.TensorSpec:
        """float32 [None, layout width]."""
        return self._rows.rows_spec

    def build_networks(self) -> Networks:
        """The networks that the settings name."""
        generator = self._rows.build_network()  # first: initial weights follow the order
        critic = load_named("critic network", self.settings.critic_network)(
            self.row_features.width, self.row_features.label_width, hidden=self.settings.critic_hidden
        )
        return Networks(generator, critic)

    def start(self, generator: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """The last layer's bias makes rows with the released marginals."""
        if generator[-1].shape != (self._rows.layout.width,):
            return generator  # a user's network that ends otherwise learns them from the moments
        return [*generator[:-1], self.public.logits()]

    def partners(self, generator: tf.keras.Model, number: int | tf.Tensor, seed: tf.Tensor) -> Draws:
        """Generated rows and mixing shares for the gradient penalty; nothing without it."""
        if not self.settings.gradient_penalty:
            return ()
        seeds = tf.random.experimental.stateless_split(seed, 2)
        fakes = tf.stop_gradient(self._made(generator, self._inputs(number, seeds[0]))[0])
        return fakes, tf.random.stateless_uniform([number, 1], seeds[1], alg=_ALG)

    def score(self, critic: tf.keras.Model, rows: tf.Tensor) -> tf.Tensor:
        """float32 [rows, 1]."""
        return critic([self.row_features.features(rows), self.row_features.label(rows)], training=True)

    def patient_loss(self, critic: tf.keras.Model, row: tf.Tensor, partner: Draws) -> tf.Tensor:
        """Minus the score, plus the penalty."""
        loss = -tf.reduce_sum(self.score(critic, row))
        if not self.settings.gradient_penalty:
            return loss
        fake, share = partner
        mixed = fake + share * (row - fake)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(mixed)
            score = self.score(critic, mixed)
        norm = tf.sqrt(tf.reduce_sum(tf.square(tape.gradient(score, mixed))) + _TINY)
        return loss + self.settings.gradient_penalty * tf.square(norm - 1.0)

    def draws(self, seed: tf.Tensor) -> Draws:
        """The generator's noise and conditions."""
        return self._inputs(self.settings.generator_batch_size, seed)

    def fakes(self, generator: tf.keras.Model, draws: Draws) -> tf.Tensor:
        """[batch, width], softmax segments soft."""
        return self._made(generator, draws)[0]

    def fake_loss(self, critic: tf.keras.Model, fakes: tf.Tensor) -> tf.Tensor:
        """The mean score."""
        return tf.reduce_mean(self.score(critic, fakes))

    def generator_loss(self, networks: Networks, draws: Draws) -> Loss:
        """Minus the score, plus the cross-entropy of conditions, plus half the squared distance of the moments."""
        fakes, logits = self._made(networks.generator, draws)
        missed = tf.reduce_mean(self.row_features.moments(fakes), 0) - self._moments
        marginal = 0.5 * self.settings.marginal_weight * tf.reduce_sum(tf.square(missed))
        condition = self._rows.condition_loss(logits, draws["condition"])
        value = condition + marginal - tf.reduce_mean(self.score(networks.critic, fakes))
        return Loss(value, OrderedDict(generator_loss=value, condition_loss=condition, marginal_loss=marginal))

    def _made(self, generator: tf.keras.Model, draws: Draws) -> tuple[tf.Tensor, tf.Tensor]:
        logits = generator([draws["latent"], draws["condition"]], training=True)
        return self._rows.activations(logits, draws["gumbel"]), logits

    def _inputs(self, number: int | tf.Tensor, seed: tf.Tensor) -> OrderedDict[str, tf.Tensor]:
        seeds = tf.random.experimental.stateless_split(seed, 3)
        width = self._conditions.width
        condition = self._conditions.at_server(number, seeds[0]) if width else tf.zeros([number, 0])
        latent = tf.random.stateless_normal([number, self.settings.latent_dim], seeds[1], alg=_ALG)
        return OrderedDict(
            condition=condition, latent=latent, gumbel=gumbel([number, self._rows.layout.width], seeds[2])
        )
