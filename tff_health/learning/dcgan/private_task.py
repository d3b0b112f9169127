"""Images of a class, for a critic that learns from patients within a privacy budget."""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import numpy as np
import tensorflow as tf

from models.feature_critic import feature_critic
from tff_health.learning.dcgan.labelled_rows import unpack
from tff_health.learning.dcgan.private_settings import PrivateDcganSettings
from tff_health.learning.dcgan.task import DcganTask
from tff_health.learning.gan.private_task import PrivateGanTask
from tff_health.learning.gan.task import Draws, Loss, Networks

_ALG = "philox"  # the same numbers on every machine


class PrivateDcganTask(PrivateGanTask):
    """A DCGAN's generator against a critic of which patients move a clipped and noisy gradient alone.

    With `features` the loss is that of Wasserstein (arXiv 1701.07875): minus the score of a patient's image, plus the
    mean score of generated ones, by the shares of classes. The critic's weights then follow the difference of mean
    features, and the generator closes it. With `discriminator` the loss is the non-saturating one (arXiv 1406.2661).

    Args:
        size: pixels of a side.
        counts: [classes], released counts, 0 or more; what generated images of a class weigh.
        settings: everything else.
        public_images: float32 [images, size, size, 1] in [-1, 1], no patient's; for `features`.

    Raises:
        ValueError: counts that are negative or all zero.
    """

    measured: ClassVar[tuple[str, ...]] = ("generator_loss", "score_generated")

    def __init__(
        self, size: int, counts: np.ndarray, settings: PrivateDcganSettings, public_images: np.ndarray
    ) -> None:
        self.settings, self._size, self._public = settings, size, public_images
        self._plain = DcganTask(size, counts, settings.networks())
        shares = np.asarray(counts, np.float64) / np.sum(counts)
        batch = settings.generator_batch_size
        labels = np.arange(batch) % len(shares)
        self._classes = np.eye(len(shares), dtype=np.float32)[labels]
        self._weights = (shares / np.bincount(labels, minlength=len(shares)))[labels].astype(np.float32)[:, None]

    @property
    def rows_spec(self) -> tf.TensorSpec:
        """float32 [None, size * size + classes]: see `labelled_rows`."""
        return self._plain.rows_spec

    def build_networks(self) -> Networks:
        """The DCGAN's generator, and the critic that the settings name."""
        generator, discriminator = self._plain.build_networks()
        if self.settings.critic == "discriminator":
            return Networks(generator, discriminator)
        own = self.settings
        critic = feature_critic(
            self._size,
            self._classes.shape[1],
            public_images=self._public,
            bound=own.clip,
            seed=own.feature_seed,
        )
        return Networks(generator, critic)

    def partners(self, generator: tf.keras.Model, number: int | tf.Tensor, seed: tf.Tensor) -> Draws:
        """None: a patient's loss is of the patient's image alone."""
        return ()

    def score(self, critic: tf.keras.Model, images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """float32 [images, 1]."""
        if self.settings.critic == "features":
            return critic([images, classes], training=True)
        return critic([images, classes, tf.zeros([2], tf.int64)], training=True)

    def patient_loss(self, critic: tf.keras.Model, row: tf.Tensor, partner: Draws) -> tf.Tensor:
        """Of a real image."""
        score = self.score(critic, *unpack(row, self._size))
        return tf.reduce_sum(self._distrust(-score))

    def draws(self, seed: tf.Tensor) -> Draws:
        """The generator's noise; classes are the same in each batch."""
        shape = [self.settings.generator_batch_size, self.settings.latent_dim]
        return OrderedDict(latent=tf.random.stateless_normal(shape, seed, alg=_ALG))

    def fakes(self, generator: tf.keras.Model, draws: Draws) -> tf.Tensor:
        """[batch, size, size, 1] in [-1, 1]."""
        return generator([draws["latent"], tf.constant(self._classes)], training=True)

    def fake_loss(self, critic: tf.keras.Model, fakes: tf.Tensor) -> tf.Tensor:
        """The mean over generated images, by the shares of classes."""
        return self._mean(self._distrust(self.score(critic, fakes, tf.constant(self._classes))))

    def generator_loss(self, networks: Networks, draws: Draws) -> Loss:
        """As if generated images were real ones."""
        score = self.score(networks.critic, self.fakes(networks.generator, draws), tf.constant(self._classes))
        value = self._mean(self._distrust(-score))
        return Loss(value, OrderedDict(generator_loss=value, score_generated=self._mean(score)))

    def _distrust(self, score: tf.Tensor) -> tf.Tensor:
        """What the critic pays for a score that should have been low."""
        return score if self.settings.critic == "features" else tf.nn.softplus(score)

    def _mean(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.constant(self._weights) * values)
