"""The DCGAN as a task for federated GAN training."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from data.named import load_named
from tff_health.learning.dcgan.labelled_rows import unpack
from tff_health.learning.dcgan.losses import discriminator_value, generator_value, gradient_penalty, rejection_value
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.gan.task import Draws, GanTask, Loss, Networks

_ALG = "philox"  # the same numbers on every machine


class DcganTask(GanTask):
    """Images of a class, by the networks and losses of Radford et al. 2016 (arXiv 1511.06434).

    Real images are drawn with replacement, and the discriminator compares them with as many generated ones of the same
    classes; the server, which has no images, draws classes by their shares in the federation.

    Args:
        size: pixels of a side.
        counts: [classes], the federation's count of each class; all alike where it is not to be known.
        settings: everything else.

    Raises:
        ValueError: counts that are negative or all zero.
    """

    critic_measured: ClassVar[tuple[str, ...]] = ("discriminator_loss", "score_gap", "gradient_penalty")
    generator_measured: ClassVar[tuple[str, ...]] = ("generator_loss",)

    def __init__(self, size: int, counts: np.ndarray, settings: DcganSettings) -> None:
        counts = np.asarray(counts, np.float64)
        if counts.ndim != 1 or (counts < 0).any() or not counts.sum() > 0:
            raise ValueError(f"counts of classes must be [classes], none negative, not all zero: {counts}")
        self.size, self.settings = size, settings
        self._classes = len(counts)
        shares = counts / counts.sum()
        if settings.balance:
            shares = np.where(shares > 0, shares ** (1 - settings.balance), 0.0)
            shares /= shares.sum()
        self._below = np.cumsum(shares)[:-1].astype(np.float32)  # shares of all classes before
        # How much likelier an image of a class is drawn than by its number.
        self._favour = np.divide(shares * counts.sum(), counts, out=np.zeros_like(shares), where=counts > 0)

    @property
    def rows_spec(self) -> tf.TensorSpec:
        """float32 [None, size * size + classes]: see `labelled_rows`."""
        return tf.TensorSpec([None, self.size**2 + self._classes], tf.float32)

    def build_networks(self) -> Networks:
        """The networks that the settings name."""
        own, seen = self.settings, self._classes if self.settings.conditional else 0
        generator = load_named("generator network", own.generator_network)(
            self.size,
            own.latent_dim,
            seen,
            channels=own.generator_channels,
            normalisation=own.generator_normalisation,
        )
        discriminator = load_named("discriminator network", own.discriminator_network)(
            self.size,
            seen,
            channels=own.discriminator_channels,
            normalisation=own.discriminator_normalisation,
            dropout=own.dropout,
        )
        return Networks(generator, discriminator)

    def critic_draws(self, rows: tf.Tensor, steps: int, seed: tf.Tensor) -> Draws:
        """Real images, their classes and others, the generator's noise, mixing shares, the discriminator's seeds."""
        batch = self.settings.batch_size
        seeds = tf.random.experimental.stateless_split(seed, 5, alg=_ALG)
        chosen = self._chosen(rows, [steps, batch], seeds[0])
        images, classes = unpack(tf.gather(rows, chosen), self.size)
        shift = tf.random.stateless_uniform([steps, batch], seeds[4], 1, max(self._classes, 2), tf.int32, alg=_ALG)
        others = tf.one_hot((tf.argmax(classes, -1, tf.int32) + shift) % self._classes, self._classes)
        return OrderedDict(
            images=images,
            mix=tf.random.stateless_uniform([steps, batch, 1, 1, 1], seeds[1], alg=_ALG),
            others=others,
            **self._inputs(classes, seeds[2], seeds[3]),
        )

    def generator_draws(self, rows: tf.Tensor | None, steps: int, seed: tf.Tensor) -> Draws:
        """Classes, the generator's noise and the discriminator's seeds."""
        seeds = tf.random.experimental.stateless_split(seed, 3, alg=_ALG)
        if rows is None:
            drawn = tf.random.stateless_uniform([steps, self.settings.generator_batch_size], seeds[0], alg=_ALG)
            classes = tf.one_hot(tf.reduce_sum(tf.cast(drawn[..., None] >= self._below, tf.int32), -1), self._classes)
        else:
            chosen = self._chosen(rows, [steps, self.settings.batch_size], seeds[0])
            classes = tf.gather(rows[:, self.size**2 :], chosen)
        return self._inputs(classes, seeds[1], seeds[2])

    def fakes(self, generator: tf.keras.Model, draws: Draws) -> tf.Tensor:
        """[(steps,) batch, size, size, 1] in [-1, 1]."""
        leading = draws["latent"].shape[:-1]
        flat = [tf.reshape(draws[name], [-1, draws[name].shape[-1]]) for name in ("latent", "classes")]
        return tf.reshape(generator(flat, training=True), [*leading, self.size, self.size, 1])

    def critic_loss(self, critic: tf.keras.Model, fakes: tf.Tensor, draws: Draws) -> Loss:
        """The adversarial loss with its penalty."""
        own, real, classes = self.settings, draws["images"], draws["classes"]
        images, told = [real, fakes], [classes, classes]
        if own.mismatch_weight:
            images, told = [*images, real], [*told, draws["others"]]
        scores = critic([tf.concat(images, 0), tf.concat(told, 0), draws["seeds"]], training=True)
        of_real, of_fake, *of_others = tf.split(scores, len(images))
        value = discriminator_value(own.loss, of_real, of_fake)
        for mismatched in of_others:
            value += own.mismatch_weight * rejection_value(own.loss, mismatched)
        gap = tf.reduce_mean(of_real) - tf.reduce_mean(of_fake)
        penalty = tf.constant(0.0)
        if own.penalty != "none":
            between = fakes + draws["mix"] * (real - fakes)
            penalty = gradient_penalty(
                lambda images: critic([images, classes, draws["seeds"]], training=True),
                real if own.penalty == "zero-centred" else between,
                0.0 if own.penalty == "zero-centred" else 1.0,
            )
            value += own.penalty_weight * penalty
        return Loss(value, OrderedDict(discriminator_loss=value, score_gap=gap, gradient_penalty=penalty))

    def score(self, critic: tf.keras.Model, images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """How real the critic finds images of one-hot classes: float32 [images, 1], each by itself."""
        seen = classes if self.settings.conditional else classes[:, :0]
        return critic([images, seen, tf.zeros([2], tf.int64)], training=False)

    def generator_loss(self, networks: Networks, draws: Draws) -> Loss:
        """The adversarial loss alone."""
        fakes = self.fakes(networks.generator, draws)
        scores = networks.critic([fakes, draws["classes"], draws["seeds"]], training=True)
        value = generator_value(self.settings.loss, scores)
        return Loss(value, OrderedDict(generator_loss=value))

    def _chosen(self, rows: tf.Tensor, shape: list[int], seed: tf.Tensor) -> tf.Tensor:
        """int32 of this shape: rows drawn with replacement."""
        if not self.settings.balance:
            return tf.random.stateless_uniform(shape, seed, 0, tf.shape(rows)[0], tf.int32, alg=_ALG)
        likely = tf.cumsum(tf.linalg.matvec(rows[:, self.size**2 :], tf.constant(self._favour, tf.float32)))
        drawn = tf.random.stateless_uniform(shape, seed, alg=_ALG) * likely[-1]
        found = tf.searchsorted(likely, tf.reshape(drawn, [-1]), side="right")
        return tf.reshape(tf.minimum(found, tf.shape(rows)[0] - 1), shape)

    def _inputs(self, classes: tf.Tensor, latent_seed: tf.Tensor, network_seed: tf.Tensor) -> dict[str, Any]:
        """What the generator makes images from, one-hot classes [steps, batch, classes], and what is dropped."""
        steps, batch = classes.shape[:2]
        seen = classes if self.settings.conditional else tf.zeros([steps, batch, 0])
        shape = [steps, batch, self.settings.latent_dim]
        return {
            "classes": seen,
            "latent": tf.random.stateless_normal(shape, latent_seed, alg=_ALG),
            "seeds": tf.random.stateless_uniform([steps, 2], network_seed, None, None, tf.int64, alg=_ALG),
        }
