"""From a function that returns a Keras model to what TFF trains, and seeded initial weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

ModelFunction: TypeAlias = Callable[[tuple[int, ...]], tf.keras.Model]
TffModel: TypeAlias = tff.learning.models.FunctionalModel | Callable[[], tff.learning.models.VariableModel]


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
) -> TffModel:
    """Wraps a Keras model for TFF.

    A functional model is used where it can be: it builds three times as fast as the variable form. Models with
    state outside the gradient (batch normalisation) need the variable form.

    Args:
        model_function: returns an uncompiled, built Keras model for a feature shape.
        feature_shape: shape of one patient's features.
        loss_function: returns a Keras loss of (labels [batch, 1], predictions [batch, 1]).

    Raises:
        TypeError: the function returns something else than a Keras model.
    """
    shape = tuple(feature_shape)
    keras_model = model_function(shape)
    if not isinstance(keras_model, tf.keras.Model):
        raise TypeError(f"the model function returned {type(keras_model).__name__}, not a tf.keras.Model")
    if keras_model.non_trainable_variables:

        def variable_model() -> tff.learning.models.VariableModel:
            return tff.learning.models.from_keras_model(
                model_function(shape), loss=loss_function(), input_spec=input_spec(shape)
            )

        return variable_model
    return tff.learning.models.functional_model_from_keras(
        keras_model, loss_fn=loss_function(), input_spec=input_spec(shape)
    )


def initial_weights(
    model_function: ModelFunction, feature_shape: Sequence[int], seed: int
) -> tff.learning.models.ModelWeights:
    """The weights a fresh model starts from, the same for the same seed.

    Keras initialisers draw from Keras' own generator; seeding it here leaves NumPy's and Python's untouched.

    Args:
        model_function: as for `build_tff_model`.
        feature_shape: shape of one patient's features.
        seed: from the experiment's seed stream.
    """
    tf.random.set_seed(seed)
    tf.keras.backend.experimental.enable_tf_random_generator()
    backend_seed = seed % (2**31 - 1)
    tf.keras.utils.set_random_seed(backend_seed)
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
        self.model = model_function(tuple(feature_shape))
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
