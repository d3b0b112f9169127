"""A network inside a TFF computation: weights that come and go as tensors, and Adam in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from tff_health.learning.gan.training import AdamSettings

Tensors: TypeAlias = tuple[tf.Tensor, ...]


def without_initialisers(build: Callable[[], Any]) -> Any:
    """Builds Keras models whose variables start at zero: inside a computation they are assigned before they are read.

    The random initialisers would otherwise be computed by every hospital in every round.
    """

    def zeros(next_creator: Callable[..., tf.Variable], **arguments: Any) -> tf.Variable:
        shape, dtype = arguments.get("shape"), arguments.get("dtype")
        if shape is not None and tf.TensorShape(shape).is_fully_defined():
            arguments["initial_value"] = lambda: tf.zeros(shape, dtype or tf.float32)
        return next_creator(**arguments)

    with tf.variable_creator_scope(zeros):
        return build()


class TrainedNetwork:
    """A Keras model and Adam's moments as variables; to be made inside a computation, outside of its `tf.function`.

    Args:
        model: whose trainable variables are trained.
        adam: the optimizer.
    """

    def __init__(self, model: tf.keras.Model, adam: AdamSettings) -> None:
        self.model = model
        self.variables = tuple(model.trainable_variables)
        self._adam = adam
        self._first, self._second = (
            tuple(tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False) for variable in self.variables)
            for _ in range(2)
        )

    def load(self, weights: Sequence[tf.Tensor], statistics: Sequence[tf.Tensor], moments: Tensors | None) -> None:
        """Puts weights, statistics outside the gradient, and Adam's moments (None: zeros) in place."""
        load_model(self.model, weights, statistics)
        variables = (*self._first, *self._second)
        for variable, value in zip(variables, moments or map(tf.zeros_like, variables), strict=True):
            variable.assign(value)

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """One step of Adam.

        Args:
            gradients: of the trainable variables.
            step: float32, how many steps were made before.
        """
        adam = self._adam
        power_1, power_2 = (tf.pow(tf.constant(beta), step + 1.0) for beta in (adam.beta_1, adam.beta_2))
        for variable, first, second, gradient in zip(self.variables, self._first, self._second, gradients, strict=True):
            if adam.weight_decay:
                gradient = gradient + adam.weight_decay * variable
            # One kernel for each tensor, in place: arithmetic on tensors takes a dozen and copies every weight.
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=power_1,
                beta2_power=power_2,
                lr=adam.learning_rate,
                beta1=adam.beta_1,
                beta2=adam.beta_2,
                epsilon=adam.epsilon,
                grad=gradient,
            )

    def weights(self) -> Tensors:
        """The trainable variables' values."""
        return tuple(variable.read_value() for variable in self.variables)

    def statistics(self) -> Tensors:
        """The other variables' values: batch normalisation's moving means and variances."""
        return tuple(variable.read_value() for variable in self.model.non_trainable_variables)

    def moments(self) -> Tensors:
        """Adam's moments: the means of gradients, then those of their squares."""
        return tuple(variable.read_value() for variable in (*self._first, *self._second))


def load_model(model: tf.keras.Model, weights: Sequence[tf.Tensor], statistics: Sequence[tf.Tensor]) -> None:
    """Puts weights and statistics into a model."""
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    for variable, value in zip(model.non_trainable_variables, statistics, strict=True):
        variable.assign(value)
