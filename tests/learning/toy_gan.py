"""A GAN that is no table: images of 2 x 2 pixels, batch normalisation in both networks, no conditions."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from tff_health.learning.gan.task import GanTask, Loss, Networks

BATCH, LATENT = 6, 3


class ToyGan(GanTask):
    critic_measured: ClassVar[tuple[str, ...]] = ("critic_loss",)
    generator_measured: ClassVar[tuple[str, ...]] = ("generator_loss",)

    @property
    def rows_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec([None, 2, 2], tf.float32)

    def build_networks(self) -> Networks:
        layers = tf.keras.layers
        generator = [
            layers.Dense(8, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Dense(4),
        ]
        # No layer's bias stands right before a normalisation, whose gradient would be rounding errors.
        critic = [layers.Dense(8), layers.LeakyReLU(), layers.BatchNormalization(), layers.Dense(1)]
        return Networks(
            tf.keras.Sequential([layers.InputLayer((LATENT,)), *generator, layers.Reshape((2, 2))]),
            tf.keras.Sequential([layers.InputLayer((2, 2)), layers.Flatten(), *critic]),
        )

    def critic_draws(self, rows: tf.Tensor, steps: int, seed: tf.Tensor) -> Any:
        share = tf.random.stateless_uniform([steps, BATCH], seed)
        taken = tf.cast(share * tf.cast(tf.shape(rows)[0], tf.float32), tf.int32)
        latent = tf.random.stateless_normal([steps, BATCH, LATENT], seed + 1)
        return OrderedDict(rows=tf.gather(rows, taken), latent=latent)

    def generator_draws(self, rows: tf.Tensor | None, steps: int, seed: tf.Tensor) -> Any:
        return OrderedDict(latent=tf.random.stateless_normal([steps, BATCH, LATENT], seed + 2))

    def fakes(self, generator: tf.keras.Model, draws: Any) -> tf.Tensor:
        latent = draws["latent"]
        images = generator(tf.reshape(latent, [-1, LATENT]), training=True)
        return tf.reshape(images, [*latent.shape[:-1], 2, 2])

    def critic_loss(self, critic: tf.keras.Model, fakes: tf.Tensor, draws: Any) -> Loss:
        real, fake = critic(draws["rows"], training=True), critic(fakes, training=True)
        value = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
        return Loss(value, OrderedDict(critic_loss=value))

    def generator_loss(self, networks: Networks, draws: Any) -> Loss:
        value = tf.reduce_mean(
            tf.nn.softplus(-networks.critic(networks.generator(draws["latent"], training=True), training=True))
        )
        return Loss(value, OrderedDict(generator_loss=value))


def images(count: int, seed: int, mean: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.5, (count, 2, 2)).astype(np.float32)
