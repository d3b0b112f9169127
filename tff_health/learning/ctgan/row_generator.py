"""The generator's side of a CTGAN, alike in plain training, in private training and at sampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from data.encoded_layout import EncodedLayout
from data.named import load_named
from tff_health.learning.ctgan.activations import SegmentActivations
from tff_health.learning.ctgan.settings import CtganSettings

_ALG = "philox"  # the same numbers on every machine
_SMALLEST = np.finfo(np.float32).tiny


class RowGenerator:
    """The network that makes rows, its output as rows, and whether these meet their conditions.

    Args:
        layout: of the encoded rows.
        settings: of the generator; `conditional` says whether it sees a condition.

    Attributes:
        layout: without conditions where the generator sees none.
        activations: of the network's output.
    """

    def __init__(self, layout: EncodedLayout, settings: CtganSettings) -> None:
        self.layout = layout if settings.conditional else without_conditions(layout)
        self.activations = SegmentActivations(self.layout, settings.temperature)
        self._settings = settings
        entries = [entry for segment in self.layout.conditions for entry in range(segment.start, segment.stop)]
        # [condition width, width]: where each entry of a condition stands in a row.
        self._placed = np.zeros((len(entries), self.layout.width), np.float32)
        self._placed[np.arange(len(entries)), entries] = 1.0

    @property
    def rows_spec(self) -> tf.TensorSpec:
        """float32 [None, layout width]."""
        return tf.TensorSpec([None, self.layout.width], tf.float32)

    def build_network(self) -> tf.keras.Model:
        """A fresh network, the one that the settings name: from noise and conditions to logits."""
        own = self._settings
        return load_named("generator network", own.generator_network)(
            own.latent_dim,
            self.layout.condition_width,
            self.layout.width,
            hidden=own.generator_hidden,
            normalisation=own.normalisation,
        )

    def condition_loss(self, logits: tf.Tensor, conditions: tf.Tensor) -> tf.Tensor:
        """Cross-entropy of the categories that were asked for, a scalar; 0 where nothing is.

        Args:
            logits: [rows, width].
            conditions: [rows, condition width], one-hot.
        """
        if not self.layout.condition_width:
            return tf.constant(0.0)
        return self.activations.cross_entropy(logits, tf.matmul(conditions, self._placed))


def gumbel(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Standard Gumbel noise."""
    return -tf.math.log(-tf.math.log(tf.random.stateless_uniform(shape, seed, _SMALLEST, 1.0, alg=_ALG)))


def without_conditions(layout: EncodedLayout) -> EncodedLayout:
    """The layout of rows that are not conditioned on anything."""
    return EncodedLayout(tuple(replace(segment, condition=False) for segment in layout.segments))
