"""Encoded rows from a trained generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data.encoded_layout import EncodedLayout
from tff_health.learning.ctgan.row_generator import RowGenerator, gumbel
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.learning.gan.network import load_model
from tff_health.runtime.seeds import generator as numpy_generator
from tff_health.runtime.seeds import tf_seed

_BATCH = 10_000  # rows generated at a time


def draw_conditions(layout: EncodedLayout, counts: Mapping[str, np.ndarray], rows: int, seed: int) -> np.ndarray:
    """Conditions for rows that nothing was asked of: a column uniformly, a category by its real frequency.

    Training draws by log frequency; rows that follow it would have too many patients of rare categories.

    Args:
        layout: of the encoded rows.
        counts: by column, the federation's count of each category [segment size].
        rows: how many.
        seed: of the draws.

    Returns:
        float32 [rows, condition width], one-hot.
    """
    random = numpy_generator(seed, "ctgan", "conditions")
    vectors = np.zeros((rows, layout.condition_width), np.float32)
    if not layout.conditions:
        return vectors
    columns = random.integers(len(layout.conditions), size=rows)
    for index, segment in enumerate(layout.conditions):
        own = np.flatnonzero(columns == index)
        weights = np.asarray(counts[segment.column], np.float64)
        weights = weights if weights.sum() > 0 else np.ones(segment.size)
        categories = random.choice(segment.size, size=len(own), p=weights / weights.sum())
        vectors[own, layout.condition_start(segment.column) + categories] = 1.0
    return vectors


def sample_encoded(
    generator_weights: Sequence[Any],
    layout: EncodedLayout,
    settings: CtganSettings,
    conditions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Rows from a generator in inference mode: batch normalisation by its moving statistics.

    Args:
        generator_weights: as `gan.process.generator_weights` gives them.
        layout: of the encoded rows.
        settings: those of training.
        conditions: float32 [rows, condition width], of `draw_conditions` or one-hot vectors of one's own. The generator
            was trained with one 1 a row; it mostly, not always, does as it is told.
        seed: of the draws.

    Returns:
        float32 [rows, layout width]; one-hot segments hold zeros and a single one.
    """
    generator = RowGenerator(layout, settings)
    if not settings.conditional:
        conditions = np.zeros((len(conditions), 0), np.float32)
    network = generator.build_network()
    trainable = len(network.trainable_variables)
    load_model(network, generator_weights[:trainable], generator_weights[trainable:])
    parts = [np.zeros((0, layout.width), np.float32)]
    for number, start in enumerate(range(0, len(conditions), _BATCH)):
        part = tf.constant(conditions[start : start + _BATCH], tf.float32)
        size = len(conditions[start : start + _BATCH])
        latent, noise = (tf.constant(tf_seed(seed, "ctgan", "sampling", name, number)) for name in ("latent", "gumbel"))
        values = tf.random.stateless_normal([size, settings.latent_dim], latent, alg="philox")
        logits = network([values, part], training=False)
        parts.append(_hardened(layout, generator.activations(logits, gumbel([size, layout.width], noise)).numpy()))
    return np.concatenate(parts)


def _hardened(layout: EncodedLayout, rows: np.ndarray) -> np.ndarray:
    """The rows with one-hot vectors in place of softmax ones."""
    hard = rows.copy()
    for segment in layout.segments:
        if segment.activation == "softmax":
            hard[:, segment.start : segment.stop] = 0.0
            hard[np.arange(len(rows)), segment.start + rows[:, segment.start : segment.stop].argmax(1)] = 1.0
    return hard
