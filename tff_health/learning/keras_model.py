"""From a function that returns a Keras model to what TFF trains, and seeded initial weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import WrongKindError

ModelFunction: TypeAlias = Callable[[tuple[int, ...]], tf.keras.Model]


def input_spec(feature_shape: Sequence[int]) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """The element type of a hospital's batches: float32 features [batch, *shape] and labels [batch, 1]."""
    return (
        tf.TensorSpec([None, *feature_shape], tf.float32),
        tf.TensorSpec([None, 1], tf.float32),
    )


def build_tff_model(
    model_function: ModelFunction,
    feature_shape: Sequence[int],
    loss_function: Callable[[], tf.keras.losses.Loss] = tf.keras.losses.BinaryCrossentropy,
) -> tff.learning.models.FunctionalModel:
    """Wraps a Keras model for TFF.

    Models with state outside the gradient (batch normalisation) are refused: TFF's client work returns trainable
    weights only, so their moving averages would stay at their start and every score would be wrong. Batch
    normalisation is also what differential privacy cannot have.

    Args:
        model_function: returns an uncompiled, built Keras model for a feature shape.
        feature_shape: shape of one patient's features.
        loss_function: returns a Keras loss of (labels [batch, 1], predictions [batch, 1]).

    Raises:
        WrongKindError: the function returns something else than a Keras model from such features to [batch, 1], or a
            model with non-trainable weights.
    """
    shape = tuple(feature_shape)
    keras_model = model_function(shape)
    if not isinstance(keras_model, tf.keras.Model):
        raise WrongKindError(f"the model function returned {type(keras_model).__name__}, not a tf.keras.Model.")
    if not keras_model.built or tuple(keras_model.output_shape) != (None, 1):
        raise WrongKindError(
            f"the model must be built for features of shape {shape} and end in one probability a patient, [batch, 1]."
        )
    if keras_model.non_trainable_variables:
        name = keras_model.non_trainable_variables[0].name
        raise WrongKindError(
            f"the model has weights that gradients do not reach ({name}), which federated training cannot carry; use "
            "group or layer normalisation in place of batch normalisation."
        )
    return tff.learning.models.functional_model_from_keras(
        keras_model, loss_fn=loss_function(), input_spec=input_spec(shape)
    )


def initial_weights(
    model_function: ModelFunction, feature_shape: Sequence[int], seed: int
) -> tff.learning.models.ModelWeights:
    """The weights a fresh model starts from, the same for the same seed.

    Keras' initialisers can only be seeded through the global generators of Python, NumPy and TensorFlow, so these are
    seeded too; the project's own streams do not use them.

    Args:
        model_function: as for `build_tff_model`.
        feature_shape: shape of one patient's features.
        seed: from the experiment's seed stream.
    """
    tf.keras.utils.set_random_seed(seed % (2**31 - 1))
    model = model_function(tuple(feature_shape))
    return tff.learning.models.ModelWeights(
        trainable=tuple(variable.numpy() for variable in model.trainable_variables),
        non_trainable=tuple(variable.numpy() for variable in model.non_trainable_variables),
    )


class Predictor:
    """Scores patients with given weights: one compiled function however many weights are tried.

    Args:
        model_function: as for `build_tff_model`.
        feature_shape: shape of one patient's features.
    """

    def __init__(self, model_function: ModelFunction, feature_shape: Sequence[int]) -> None:
        self.model_function, self.feature_shape = model_function, tuple(feature_shape)
        self.model = model_function(self.feature_shape)
        features, _ = input_spec(feature_shape)

        @tf.function(input_signature=[features])
        def predict(batch: tf.Tensor) -> tf.Tensor:
            return self.model(batch, training=False)

        # Traced now: TFF clones Keras models inside a graph, after which Keras refuses to trace older ones.
        self._predict = predict.get_concrete_function()

    def __call__(self, weights: Any, features: np.ndarray) -> np.ndarray:
        """Scores in [0, 1].

        Args:
            weights: `ModelWeights` of the model.
            features: float32 [patients, *shape].

        Returns:
            float64 [patients].
        """
        self.load(weights)
        if len(features) == 0:
            return np.zeros(0)
        return self._predict(tf.constant(features, tf.float32)).numpy()[:, 0].astype(np.float64)

    def load(self, weights: Any) -> tf.keras.Model:
        """Puts the weights into the Keras model and returns it (for saving)."""
        for variable, value in zip(self.model.trainable_variables, weights.trainable, strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.non_trainable_variables, weights.non_trainable, strict=True):
            variable.assign(value)
        return self.model
