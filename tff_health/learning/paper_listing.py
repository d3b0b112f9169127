"""The paper's listing with its two faults, reproduced on purpose (Poojari 2026, section IV).

Fault 1: in every round each client trains a *newly initialised* network and the results are averaged; the global
model never reaches a client, so nothing is carried from round to round. Fault 2: it is scored on the first
client's own training rows. This module reproduces the first; the second is a matter of which rows are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import WrongKindError
from tff_health.learning.keras_model import ModelFunction


class FreshWeights:
    """Draws new initial weights again and again without building a Keras model each time (50 ms).

    Args:
        model_function: returns a Keras model of dense layers, such as the paper's.
        feature_shape: shape of one patient's features.

    Raises:
        WrongKindError: the model holds a layer with weights that is not dense.
    """

    def __init__(self, model_function: ModelFunction, feature_shape: Sequence[int]) -> None:
        self._layers = [layer for layer in model_function(tuple(feature_shape)).layers if layer.weights]
        for layer in self._layers:
            if not isinstance(layer, tf.keras.layers.Dense):
                raise WrongKindError(
                    f"the paper's listing has dense layers only, not {type(layer).__name__}; use model mlp."
                )

    def draw(self, seed: np.random.SeedSequence) -> tff.learning.models.ModelWeights:
        """The weights that Keras would draw for a new model, from this seed alone."""
        weights = []
        for layer, stream in zip(self._layers, seed.spawn(len(self._layers)), strict=True):
            kernel_seed, bias_seed = (int(word) for word in stream.generate_state(2))
            weights.append(_drawn(layer.kernel_initializer, layer.kernel.shape, kernel_seed))
            if layer.use_bias:
                weights.append(_drawn(layer.bias_initializer, layer.bias.shape, bias_seed))
        return tff.learning.models.ModelWeights(trainable=tuple(weights), non_trainable=())


def _drawn(initializer: Any, shape: Any, seed: int) -> np.ndarray:
    config = initializer.get_config()
    if "seed" in config:
        config["seed"] = seed
    return type(initializer).from_config(config)(shape, dtype=tf.float32).numpy()


def uniform_mean(weights: Sequence[Any]) -> tff.learning.models.ModelWeights:
    """The unweighted mean of several `ModelWeights`, as the listing averages."""
    return tff.learning.models.ModelWeights(
        trainable=tuple(
            np.mean(np.stack(values), axis=0) for values in zip(*(w.trainable for w in weights), strict=True)
        ),
        non_trainable=tuple(
            np.mean(np.stack(values), axis=0) for values in zip(*(w.non_trainable for w in weights), strict=True)
        ),
    )
