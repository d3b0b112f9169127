"""Keras networks of dense layers as plain weights, so that many of them can be computed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import WrongKindError
from tff_health.runtime.quiet import silence_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

ModelFunction = Callable[[tuple[int, ...]], Any]


@dataclass(frozen=True)
class DenseLayer:
    """One dense layer.

    Attributes:
        units: width of its output.
        use_bias: whether it has a bias.
        activations: what follows the affine map, in order; the last layer's sigmoid is left out, so that it gives
            logits.
        initializers: Keras initialisers of kernel and bias (the latter unused without one).
        inputs: width of its input.
    """

    inputs: int
    units: int
    use_bias: bool
    activations: tuple[Callable[[Any], Any], ...]
    initializers: tuple[Any, Any]


@dataclass(frozen=True)
class DenseNetwork:
    """A network of dense layers that ends in one probability.

    Attributes:
        layers: from the features to the logit.
    """

    layers: tuple[DenseLayer, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the weights in Keras' order: kernel and bias of each layer."""
        shapes: list[tuple[int, ...]] = []
        for layer in self.layers:
            shapes.append((layer.inputs, layer.units))
            if layer.use_bias:
                shapes.append((layer.units,))
        return shapes

    def forward(
        self, weights: Sequence[tf.Tensor], features: tf.Tensor, tape: tf.GradientTape | None = None
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Every layer's input and affine output in M networks at once.

        Args:
            weights: float32 [M, *shape] for each of `shapes`.
            features: float32 [M, batch, width], or [1, batch, width] for the same rows in each network.
            tape: watches the affine outputs.

        Returns:
            Inputs [M, batch, inputs] and affine outputs [M, batch, units] by layer; the last output is the logit.
        """
        import tensorflow as tf

        remaining = iter(weights)
        inputs, outputs = [], []
        value = features
        for layer in self.layers:
            inputs.append(value)
            value = tf.linalg.matmul(value, next(remaining))
            if layer.use_bias:
                value += next(remaining)[:, tf.newaxis, :]
            if tape is not None:
                tape.watch(value)
            outputs.append(value)
            for activation in layer.activations:
                value = activation(value)
        return inputs, outputs

    def initial_weights(self, streams: Sequence[np.random.SeedSequence]) -> list[np.ndarray]:
        """What Keras would start each of several networks from, each from its own stream.

        Returns:
            float32 [networks, *shape] for each of `shapes`.
        """
        drawn = []
        for stream in streams:
            weights = []
            for layer, of_layer in zip(self.layers, stream.spawn(len(self.layers)), strict=True):
                kernel_seed, bias_seed = (int(word) for word in of_layer.generate_state(2))
                weights.append(_initial(layer.initializers[0], (layer.inputs, layer.units), kernel_seed))
                if layer.use_bias:
                    weights.append(_initial(layer.initializers[1], (layer.units,), bias_seed))
            drawn.append(weights)
        return [np.stack(values) for values in zip(*drawn, strict=True)]


def read_dense_network(model_function: ModelFunction, feature_shape: Sequence[int]) -> DenseNetwork:
    """Reads a Keras model that consists of dense and activation layers (and flattening in front).

    Args:
        model_function: returns a built Keras model from [batch, *feature_shape] to [batch, 1].
        feature_shape: shape of one patient's features.

    Raises:
        WrongKindError: the model holds something else; train its shadows one by one.
    """
    silence_tensorflow()
    import tensorflow as tf

    model = model_function(tuple(feature_shape))
    if not isinstance(model, tf.keras.Sequential) or not model.built:
        raise WrongKindError("only a built tf.keras.Sequential model can be trained in a batch of shadow models.")
    layers: list[DenseLayer] = []
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.Dense):
            layers.append(_read(layer))
        elif (
            isinstance(layer, tf.keras.layers.Activation | tf.keras.layers.ReLU | tf.keras.layers.LeakyReLU) and layers
        ):
            last = layers.pop()
            function = layer.activation if isinstance(layer, tf.keras.layers.Activation) else layer
            layers.append(_followed_by(last, function))
        elif not isinstance(layer, tf.keras.layers.InputLayer | tf.keras.layers.Flatten) or layers:
            raise WrongKindError(
                f"only dense and activation layers can be trained in a batch of shadow models, not "
                f"{type(layer).__name__}."
            )
    sigmoid = tf.keras.activations.sigmoid
    if not layers or layers[-1].units != 1 or layers[-1].activations != (sigmoid,):
        raise WrongKindError("a batch of shadow models needs a network that ends in one unit with a sigmoid.")
    head = layers.pop()
    head = DenseLayer(head.inputs, head.units, head.use_bias, (), head.initializers)
    return DenseNetwork((*layers, head))


def _read(layer: Any) -> DenseLayer:
    extras = (layer.kernel_regularizer, layer.bias_regularizer, layer.kernel_constraint, layer.bias_constraint)
    if any(extra is not None for extra in (*extras, layer.activity_regularizer)) or not layer.trainable:
        raise WrongKindError(
            "dense layers with a regulariser or a constraint, and frozen ones, cannot be trained in a batch of shadow "
            "models."
        )
    bare = DenseLayer(
        inputs=int(layer.kernel.shape[0]),
        units=int(layer.units),
        use_bias=bool(layer.use_bias),
        activations=(),
        initializers=(layer.kernel_initializer, layer.bias_initializer),
    )
    return _followed_by(bare, layer.activation)


def _followed_by(layer: DenseLayer, activation: Any) -> DenseLayer:
    import tensorflow as tf

    if activation is tf.keras.activations.linear:
        return layer
    return DenseLayer(layer.inputs, layer.units, layer.use_bias, (*layer.activations, activation), layer.initializers)


def _initial(initializer: Any, shape: tuple[int, ...], seed: int) -> np.ndarray:
    import tensorflow as tf

    config = initializer.get_config()
    if "seed" in config:
        config["seed"] = seed
    value = type(initializer).from_config(config)(shape, dtype=tf.float32)
    return np.asarray(value)
