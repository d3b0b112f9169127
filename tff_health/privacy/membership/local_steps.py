"""The local steps of many stacked models as one TensorFlow graph: plain, or with clipped and noised gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tff_health.privacy.membership.dense_network import DenseNetwork

if TYPE_CHECKING:
    import tensorflow_federated as tff


def build_local_steps(
    network: DenseNetwork, optimizer: tff.learning.optimizers.Optimizer, privacy: Any | None
) -> Callable[..., Sequence[Any]]:
    """A function that trains M models for one round, each on batches of its own.

    Args:
        network: the architecture.
        optimizer: steps every model; its memory starts afresh at every call.
        privacy: a `batched_training.PatientDp`, or None.

    Returns:
        From weights [M, *shape], features [rows, width], labels [rows], a round's `rows`, `present` and `active` and
        divisors [M] to the updates: start less end, [M, *shape] each.
    """
    import tensorflow as tf

    # Made at build time, before any graph, from the machine's entropy; every draw moves it on.
    noise = tf.random.Generator.from_non_deterministic_state() if privacy is not None else None

    def gradients(weights: Any, x: Any, y: Any, present: Any, divisors: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            inputs, outputs = network.forward(weights, x, tape)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=outputs[-1][:, :, 0])
        by_output = tape.gradient(losses, outputs)  # rows are apart, so that this is each patient's own derivative
        if privacy is None:
            factors = [present / tf.maximum(tf.reduce_sum(present, axis=1, keepdims=True), 1.0)] * len(inputs)
        else:
            factors = [present * factor for factor in _clip_factors(network, inputs, by_output, privacy)]
        made = []
        for layer, value, derivative, factor in zip(network.layers, inputs, by_output, factors, strict=True):
            scaled = derivative * factor[:, :, tf.newaxis]
            made.append(tf.linalg.matmul(value, scaled, transpose_a=True))
            if layer.use_bias:
                made.append(tf.reduce_sum(scaled, axis=1))
        if noise is None or privacy is None:
            return made
        return [
            (value + noise.normal(tf.shape(value), stddev=privacy.noise_stddev))
            / tf.reshape(divisors, [-1] + [1] * (value.shape.rank - 1))
            for value in made
        ]

    @tf.function
    def local_steps(start: Any, features: Any, labels: Any, rows: Any, present: Any, active: Any, divisors: Any) -> Any:
        start = list(start)
        specs = [tf.TensorSpec(value.shape, value.dtype) for value in start]
        state = tf.nest.map_structure(tf.convert_to_tensor, optimizer.initialize(specs))

        def step(number: Any, weights: Any, state: Any) -> Any:
            x, y = tf.gather(features, rows[number]), tf.gather(labels, rows[number])
            found = gradients(weights, x, y, present[number], divisors)
            state, stepped = optimizer.next(state, weights, found)
            # A model that has done its steps rests; its optimizer's memory is not used again.
            going = active[number]
            weights = [
                tf.where(tf.reshape(going, [-1] + [1] * (new.shape.rank - 1)), new, old)
                for new, old in zip(stepped, weights, strict=True)
            ]
            return number + 1, weights, state

        _, trained, _ = tf.while_loop(
            lambda number, *_: number < tf.shape(rows)[0],
            step,
            (tf.constant(0), start, state),
            parallel_iterations=1,
        )
        return [before - after for before, after in zip(start, trained, strict=True)]

    # One graph for each number of models: optimizers must know the weights' shapes, while the rows, steps and batches
    # of later calls may be more or fewer.
    traced: dict[int, Callable[..., Any]] = {}

    def call(start: Any, features: Any, labels: Any, rows: Any, present: Any, active: Any, divisors: Any) -> Any:
        models = int(start[0].shape[0])
        if models not in traced:
            traced[models] = local_steps.get_concrete_function(
                [tf.TensorSpec(value.shape, tf.float32) for value in start],
                tf.TensorSpec([None, features.shape[1]], tf.float32),
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([None, models, None], tf.int32),
                tf.TensorSpec([None, models, None], tf.float32),
                tf.TensorSpec([None, models], tf.bool),
                tf.TensorSpec([models], tf.float32),
            )
        arrays = (features, labels, rows, present, active, divisors)
        return traced[models](list(start), *(tf.constant(array) for array in arrays))

    return call


def _clip_factors(network: DenseNetwork, inputs: Any, by_output: Any, privacy: Any) -> list[Any]:
    """min(1, clip / norm) of every patient's gradient, [M, batch] for each layer.

    The gradient of a kernel is the outer product of the layer's input and its output's derivative, so that its norm is
    the product of theirs (Goodfellow 2015, arXiv 1510.01799).
    """
    import tensorflow as tf

    squares = []
    for layer, value, derivative in zip(network.layers, inputs, by_output, strict=True):
        of_input = tf.reduce_sum(tf.square(value), axis=2) + (1.0 if layer.use_bias else 0.0)
        squares.append(of_input * tf.reduce_sum(tf.square(derivative), axis=2))
    if privacy.clipping == "per-layer":
        bound = privacy.clip / len(squares) ** 0.5
        return [_factor(square, bound) for square in squares]
    return [_factor(tf.add_n(squares), privacy.clip)] * len(squares)


def _factor(square: Any, bound: float) -> Any:
    import tensorflow as tf

    # A zero gradient needs no clipping, and the root's smallest argument keeps the division finite.
    return tf.minimum(1.0, bound * tf.math.rsqrt(tf.maximum(square, 1e-30)))
