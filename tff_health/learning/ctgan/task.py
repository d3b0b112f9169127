"""The CTGAN as a task for federated GAN training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from data.encoded_layout import EncodedLayout
from data.named import load_named
from tff_health.learning.ctgan.conditions import ConditionSampler
from tff_health.learning.ctgan.losses import critic_loss, generator_loss
from tff_health.learning.ctgan.row_generator import RowGenerator, gumbel
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.learning.gan.task import Draws, GanTask, Loss, Networks

_ALG = "philox"  # the same numbers on every machine


class CtganTask(GanTask):
    """Encoded rows, by the networks and losses of Xu et al. 2019 (arXiv 1907.00503).

    Args:
        layout: of the encoded rows.
        counts: by column that rows can be conditioned on, the federation's count of each category.
        settings: everything else.
    """

    critic_measured: ClassVar[tuple[str, ...]] = ("critic_loss", "wasserstein", "gradient_penalty")
    generator_measured: ClassVar[tuple[str, ...]] = ("generator_loss", "condition_loss")

    def __init__(self, layout: EncodedLayout, counts: Mapping[str, np.ndarray], settings: CtganSettings) -> None:
        self.settings = settings
        self._rows = RowGenerator(layout, settings)
        self._conditions = ConditionSampler(self._rows.layout, counts, log_frequency=settings.training_by_sampling)

    @property
    def rows_spec(self) -> tf.TensorSpec:
        """float32 [None, layout width]."""
        return self._rows.rows_spec

    def build_networks(self) -> Networks:
        """The networks that the settings name."""
        own, layout = self.settings, self._rows.layout
        generator = self._rows.build_network()  # first: initial weights follow the order
        critic = load_named("critic network", own.critic_network)(
            layout.width,
            layout.condition_width,
            pac=own.pac,
            hidden=own.critic_hidden,
            dropout=own.dropout,
        )
        return Networks(generator, critic)

    def critic_draws(self, rows: tf.Tensor, steps: int, seed: tf.Tensor) -> Draws:
        """Real rows and their conditions, the generator's noise, mixing shares and the critic's seeds."""
        batch = self.settings.batch_size
        seeds = tf.random.experimental.stateless_split(seed, 4, alg=_ALG)
        drawn = self._conditions.at_hospital(rows, steps * batch, seeds[0])
        return OrderedDict(
            rows=tf.reshape(tf.gather(rows, drawn.rows), [steps, batch, self._rows.layout.width]),
            mix=tf.random.stateless_uniform([steps, batch // self.settings.pac], seeds[1], alg=_ALG),
            seeds=_seeds([steps, 2, 2], seeds[2]),
            **self._inputs(drawn.vectors, steps, batch, seeds[3]),
        )

    def generator_draws(self, rows: tf.Tensor | None, steps: int, seed: tf.Tensor) -> Draws:
        """Conditions, the generator's noise and the critic's seeds."""
        batch = self.settings.generator_batch_size if rows is None else self.settings.batch_size
        seeds = tf.random.experimental.stateless_split(seed, 3, alg=_ALG)
        if not self._conditions.width:
            vectors = tf.zeros([steps * batch, 0])
        elif rows is None:
            vectors = self._conditions.at_server(steps * batch, seeds[0])
        else:
            vectors = self._conditions.at_hospital(rows, steps * batch, seeds[0]).vectors
        return OrderedDict(
            seeds=_seeds([steps, 2], seeds[1]),
            **self._inputs(vectors, steps, batch, seeds[2]),
        )

    def fakes(self, generator: tf.keras.Model, draws: Draws) -> tf.Tensor:
        """[(steps,) batch, width], softmax segments soft."""
        leading = draws["latent"].shape[:-1]
        flat = {
            name: tf.reshape(draws[name], [-1, draws[name].shape[-1]]) for name in ("latent", "condition", "gumbel")
        }
        logits = generator([flat["latent"], flat["condition"]], training=True)
        return tf.reshape(self._rows.activations(logits, flat["gumbel"]), [*leading, self._rows.layout.width])

    def critic_loss(self, critic: tf.keras.Model, fakes: tf.Tensor, draws: Draws) -> Loss:
        """Wasserstein estimate with gradient penalty."""
        return critic_loss(
            lambda rows, condition, seed: critic([rows, condition, seed], training=True),
            draws["rows"],
            fakes,
            draws["condition"],
            mix=draws["mix"],
            seeds=draws["seeds"],
            pac=self.settings.pac,
            penalty_weight=self.settings.gradient_penalty,
        )

    def generator_loss(self, networks: Networks, draws: Draws) -> Loss:
        """Minus the critic's score, plus the cross-entropy of the conditions."""
        logits = networks.generator([draws["latent"], draws["condition"]], training=True)
        fakes = self._rows.activations(logits, draws["gumbel"])
        scores = networks.critic([fakes, draws["condition"], draws["seeds"]], training=True)
        return generator_loss(scores, self._rows.condition_loss(logits, draws["condition"]))

    def _inputs(self, conditions: tf.Tensor, steps: int, batch: int, seed: tf.Tensor) -> dict[str, Any]:
        """What the generator makes rows from."""
        seeds = tf.random.experimental.stateless_split(seed, 2, alg=_ALG)
        return {
            "condition": tf.reshape(conditions, [steps, batch, self._conditions.width]),
            "latent": tf.random.stateless_normal([steps, batch, self.settings.latent_dim], seeds[0], alg=_ALG),
            "gumbel": gumbel([steps, batch, self._rows.layout.width], seeds[1]),
        }


def _seeds(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, None, None, tf.int64, alg=_ALG)
