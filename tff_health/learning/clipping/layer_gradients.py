"""Per-patient gradients of one layer's weights, kept in the cheapest form that gives both norms and sums.

From a layer's inputs a and the gradient d of the losses at its outputs:

- Dense on one vector a patient: the gradient is the outer product a d^T with |a d^T| = |a| |d|, so it is never made
  (Goodfellow 2015, arXiv 1510.01799), and the clipped sum is a^T diag(scale) d ("book-keeping": Bu et al. 2023,
  arXiv 2210.00038).
- Dense on sequences, Conv1D, Conv2D: a sum of outer products over positions, after unfolding a (Rochette et al.
  2019, arXiv 1912.06015). Each patient's kernel is made, for about the work of the ordinary gradient, and the
  clipped sum is then nearly free. The Gram matrices of Bu et al. 2022 (arXiv 2205.10683) would avoid making it, but
  need a second product for the sum, and where positions cancel they can miss a norm that rounding then brings
  back: the bound would not hold for every input.
- Any other layer: its own gradient, mapped over patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from tff_health.learning.clipping.layer_calls import LayerCall
from tff_health.learning.clipping.patient_map import for_each_patient
from tff_health.learning.clipping.rows import as_rows, exact_squares, gradient_squares
from tff_health.learning.clipping.unfold import patches


class LayerGradients(Protocol):
    """Gradients of one layer's weights, for every patient of the batch."""

    def squares(self) -> list[tuple[tuple[int, ...], tf.Tensor]]:
        """(positions of weights, float64 [batch, 1] squared norm of their gradient), every weight once."""

    def clipped_sum(self, scales: Sequence[tf.Tensor], kept: tf.Tensor) -> list[tuple[int, tf.Tensor]]:
        """The sums over patients.

        Args:
            scales: float32 [batch, 1] for every weight of the model.
            kept: float32 [batch, 1]: 0 for patients left out, 1 for others. A scale of 0 alone would leave 0 * inf.

        Returns:
            (position of a weight, its clipped sum).
        """


class OuterProductGradients:
    """Of a dense layer on one vector a patient.

    Args:
        inputs: [batch, in].
        deltas: [batch, out].
        positions: of kernel and, where there is one, bias.
    """

    def __init__(self, inputs: tf.Tensor, deltas: tf.Tensor, positions: Sequence[int]) -> None:
        self._inputs, self._deltas, self._positions = inputs, deltas, tuple(positions)

    def squares(self) -> list[tuple[tuple[int, ...], tf.Tensor]]:
        """See `LayerGradients`."""
        inputs, deltas = exact_squares(self._inputs), exact_squares(self._deltas)
        if len(self._positions) > 1:
            inputs += 1.0
        return [(self._positions, inputs * deltas)]

    def clipped_sum(self, scales: Sequence[tf.Tensor], kept: tf.Tensor) -> list[tuple[int, tf.Tensor]]:
        """See `LayerGradients`."""
        inputs, deltas = self._inputs, self._deltas
        scale, kept = (tf.cast(column, deltas.dtype) for column in (scales[self._positions[0]], kept))
        # The scales go where the fewer numbers are.
        if inputs.shape[1] < deltas.shape[1]:
            inputs = tf.math.multiply_no_nan(inputs, scale)
            deltas = tf.math.multiply_no_nan(deltas, kept)
            bias = tf.reshape(tf.matmul(scale, deltas, transpose_a=True), [-1])
        else:
            inputs = tf.math.multiply_no_nan(inputs, kept)
            deltas = tf.math.multiply_no_nan(deltas, scale)
            bias = tf.reduce_sum(deltas, axis=0)
        sums = [tf.matmul(inputs, deltas, transpose_a=True), bias]
        return list(zip(self._positions, sums[: len(self._positions)], strict=True))


class WholeGradients:
    """Gradients that are there, one a patient.

    Args:
        gradients: [batch, *shape] for every weight.
        positions: of the weights.
        shapes: of the weights.
    """

    def __init__(
        self, gradients: Sequence[tf.Tensor], positions: Sequence[int], shapes: Sequence[tf.TensorShape]
    ) -> None:
        self._rows = [as_rows(gradient) for gradient in gradients]
        self._positions, self._shapes = positions, shapes

    def squares(self) -> list[tuple[tuple[int, ...], tf.Tensor]]:
        """See `LayerGradients`."""
        return [((position,), gradient_squares(row)) for position, row in zip(self._positions, self._rows, strict=True)]

    def clipped_sum(self, scales: Sequence[tf.Tensor], kept: tf.Tensor) -> list[tuple[int, tf.Tensor]]:
        """See `LayerGradients`."""
        # Hardly ever is anybody left out; a look at the batch is then all that this costs.
        rows = tf.cond(
            tf.reduce_all(kept > 0),
            lambda: self._rows,
            lambda: [tf.math.multiply_no_nan(row, tf.cast(kept, row.dtype)) for row in self._rows],
        )
        return [
            (position, tf.reshape(tf.matmul(tf.cast(scales[position], row.dtype), row, transpose_a=True), shape))
            for position, row, shape in zip(self._positions, rows, self._shapes, strict=True)
        ]


def has_closed_form(layer: tf.keras.layers.Layer, inputs: Any) -> bool:
    """Whether the gradients follow from inputs and outputs without running the layer again.

    Args:
        layer: one with trainable weights.
        inputs: of its `call`; their shape counts.
    """
    kind = type(layer)
    if kind not in _CLOSED_FORMS or not isinstance(inputs, tf.Tensor) or inputs.shape.rank is None:
        return False
    weights = [layer.kernel, layer.bias] if layer.use_bias else [layer.kernel]
    # The activation may hold weights of its own, or be a layer.
    if [id(w) for w in layer.trainable_variables] != [id(w) for w in weights]:
        return False
    if kind is tf.keras.layers.Dense:
        return True
    return (
        layer.groups == 1
        and layer.data_format == "channels_last"
        and inputs.shape.rank == layer.rank + 2
        and inputs.shape[1:].is_fully_defined()
    )


def layer_gradients(
    call: LayerCall, deltas: Sequence[tf.Tensor], positions: Sequence[int], autograph: Any
) -> LayerGradients:
    """The gradients of the layer that was called.

    Args:
        call: recorded with `before_activation=has_closed_form`.
        deltas: gradients of the summed losses with respect to the call's floating-point outputs.
        positions: of the layer's trainable weights in the model.
        autograph: the caller's AutoGraph status.
    """
    variables = call.layer.trainable_variables
    shapes = [variable.shape for variable in variables]
    if not call.before_activation:
        return WholeGradients(_mapped_gradients(call, deltas, autograph), positions, shapes)
    (delta,) = deltas
    inputs = tf.cast(call.arguments[0] if call.arguments else call.options["inputs"], delta.dtype)
    if isinstance(call.layer, tf.keras.layers.Dense):
        if inputs.shape.rank == 2:
            return OuterProductGradients(inputs, delta, positions)
        rows = _positions_by_row(inputs)
    else:
        rows = _unfolded(call.layer, inputs)
    delta = _positions_by_row(delta)
    gradients = [tf.matmul(rows, delta, transpose_a=True)]
    if len(positions) > 1:
        gradients.append(tf.reduce_sum(delta, axis=1))
    return WholeGradients(gradients, positions, shapes)


_CLOSED_FORMS = (tf.keras.layers.Dense, tf.keras.layers.Conv1D, tf.keras.layers.Conv2D)


def _positions_by_row(values: tf.Tensor) -> tf.Tensor:
    """[batch, ..., numbers] as [batch, positions, numbers]."""
    if values.shape.rank == 3:
        return values
    positions = values.shape[1:-1].num_elements()
    if positions is None:
        positions = tf.reduce_prod(tf.shape(values)[1:-1])
    return tf.reshape(values, [tf.shape(values)[0], positions, values.shape[-1]])


def _unfolded(layer: tf.keras.layers.Layer, inputs: tf.Tensor) -> tf.Tensor:
    """[batch, positions, numbers under the kernel]."""
    kernel, strides, dilations = layer.kernel_size, layer.strides, layer.dilation_rate
    padding = layer.padding
    if layer.rank == 1:
        if padding == "causal":
            inputs = tf.pad(inputs, [[0, 0], [(kernel[0] - 1) * dilations[0], 0], [0, 0]])
            padding = "valid"
        inputs = inputs[:, None]
        kernel, strides, dilations = (1, *kernel), (1, *strides), (1, *dilations)
    return patches(inputs, kernel, strides, dilations, padding)


def _mapped_gradients(call: LayerCall, deltas: Sequence[tf.Tensor], autograph: Any) -> list[tf.Tensor]:
    """[batch, *shape] for every weight: the layer runs once more, for each patient alone."""
    variables = call.layer.trainable_variables
    run = tf.__internal__.autograph.tf_convert(_run, autograph)
    flat = tf.nest.flatten((call.arguments, call.options))
    varying = [value for value in flat if isinstance(value, tf.Tensor)]

    def of_one(elements: tuple[list[tf.Tensor], list[tf.Tensor]]) -> list[tf.Tensor]:
        own, own_deltas = ([value[None] for value in part] for part in elements)
        values = iter(own)
        replaced = [next(values) if isinstance(value, tf.Tensor) else value for value in flat]
        arguments, options = tf.nest.pack_sequence_as((call.arguments, call.options), replaced)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = tf.nest.flatten(run(call.layer, arguments, options))
            outputs = [output for output in outputs if output.dtype.is_floating]
        found = tape.gradient(
            outputs, variables, output_gradients=own_deltas, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return [tf.convert_to_tensor(gradient) for gradient in found]

    signature = [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables]
    return for_each_patient(of_one, (varying, list(deltas)), signature)


def _run(layer: tf.keras.layers.Layer, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return layer(*arguments, **options)
