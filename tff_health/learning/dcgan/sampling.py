"""Images from a trained generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data.errors import DataError
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.dcgan.task import DcganTask
from tff_health.learning.gan.network import load_model
from tff_health.runtime.seeds import tf_seed

_BATCH = 1000  # images generated at a time


def sample_images(
    generator_weights: Sequence[Any], size: int, classes: int, settings: DcganSettings, labels: np.ndarray, seed: int
) -> np.ndarray:
    """Images in inference mode: batch normalisation by its moving statistics.

    Args:
        generator_weights: as `gan.process.generator_weights` gives them.
        size: pixels of a side.
        classes: how many.
        settings: those of training.
        labels: int [images], the class of each; without influence where the generator is not conditional.
        seed: of the draws.

    Returns:
        float32 [images, size, size, 1] in [-1, 1].

    Raises:
        DataError: the weights are not of this network.
    """
    network = DcganTask(size, np.ones(classes), settings).build_networks().generator
    trainable = len(network.trainable_variables)
    variables = [*network.trainable_variables, *network.non_trainable_variables]
    if [tuple(np.shape(values)) for values in generator_weights] != [tuple(variable.shape) for variable in variables]:
        raise DataError("the generator's weights are not those of its network; copy its file again or make it again.")
    load_model(network, generator_weights[:trainable], generator_weights[trainable:])
    one_hot = np.eye(classes, dtype=np.float32)[labels] if settings.conditional else np.zeros((len(labels), 0), "f4")
    parts = [np.zeros((0, size, size, 1), np.float32)]
    for number, start in enumerate(range(0, len(labels), _BATCH)):
        told = tf.constant(one_hot[start : start + _BATCH])
        own = tf.constant(tf_seed(seed, "dcgan", "sampling", number))
        latent = tf.random.stateless_normal([len(told), settings.latent_dim], own, alg="philox")
        parts.append(network([latent, told], training=False).numpy())
    return np.concatenate(parts)
