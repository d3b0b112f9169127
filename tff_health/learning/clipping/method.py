"""Which way of computing clipped sums is valid for a model, and which models no way is valid for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from data.errors import WrongKindError
from tff_health.learning.clipping.layer_calls import LayerCall, recorded_calls
from tff_health.learning.clipping.layer_gradients import has_closed_form
from tff_health.learning.clipping.layer_groups import layers_of

# Rows of the batch that a model is traced with: a number that no layer has as a size of its own.
_TRACED_ROWS = 10_007
_RANDOM = (
    "Random",
    "Multinomial",
    "Rng",
    "StatefulStandardNormal",
    "StatefulUniform",
    "StatefulTruncatedNormal",
    "TruncatedNormal",
    "PyFunc",
)
_CALLS_FUNCTIONS = ("PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile", "If", "StatelessIf")


@dataclass(frozen=True)
class MethodChoice:
    """The way chosen, and why in a few words."""

    method: Literal["fast", "vectorized"]
    reason: str


def refuse_mixing_layers(model: tf.keras.Model) -> None:
    """Raises `WrongKindError` where a layer is known to mix patients: batch normalisation that is not frozen."""
    for layer in layers_of(model):
        if isinstance(layer, tf.keras.layers.BatchNormalization) and layer.trainable:
            raise WrongKindError(
                f"layer {layer.name!r} normalises over the batch, so every patient's gradient depends on the others' "
                "data and clipping bounds nobody's; use group or layer normalisation in its place."
            )


def weighted_layers(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """The outermost layers with trainable weights in a model's graph; models inside it count by their layers."""
    found: list[tf.keras.layers.Layer] = []
    for layer in model.layers:
        if isinstance(layer, tf.keras.Model) and layer.inputs:
            found += weighted_layers(layer)
        elif layer.trainable_variables:
            found.append(layer)
    return found


def choose_method(model: tf.keras.Model) -> MethodChoice:
    """Whether one pass through the model gives every patient's gradient.

    It does where each weight belongs to one layer of the model's graph, each such layer is called once with one row
    a patient, and a layer that has to run again draws no random numbers. This is read off a trace of the model.

    Args:
        model: built.

    Raises:
        WrongKindError: the model changes weights while it is called.
    """
    if not model.inputs:
        return MethodChoice("vectorized", "the model is no graph of Keras layers, so its weights may be used anywhere")
    layers = weighted_layers(model)
    held = [id(variable) for layer in layers for variable in layer.trainable_variables]
    if len(set(held)) < len(held):
        return MethodChoice("vectorized", "layers share a weight")
    if set(held) != {id(variable) for variable in model.trainable_variables}:
        return MethodChoice("vectorized", "the model has weights outside its layers")
    if any(layer.compute_dtype != layer.dtype for layer in layers):
        return MethodChoice("vectorized", "the model computes in another precision than its weights have")
    calls, graph = _trace(model, layers)
    _refuse_changing_weights(model, graph)
    called = [id(call.layer) for call in calls]
    if sorted(called) != sorted(map(id, layers)):
        return MethodChoice("vectorized", "a layer is called more than once, or never")
    for call in calls:
        reason = _why_not(call, graph)
        if reason:
            return MethodChoice("vectorized", f"layer {call.layer.name!r} {reason}")
    return MethodChoice("fast", "every layer with weights is called once, with one row a patient")


def _trace(model: tf.keras.Model, layers: list[tf.keras.layers.Layer]) -> tuple[list[LayerCall], Any]:
    calls: list[LayerCall] = []

    def trace(features: Any) -> None:
        record(features, tf.__internal__.autograph.control_status_ctx())

    @tf.autograph.experimental.do_not_convert
    def record(features: Any, autograph: Any) -> None:
        with recorded_calls(
            layers, before_activation=has_closed_form, watch=lambda _: None, autograph=autograph
        ) as recorded:
            tf.__internal__.autograph.tf_convert(_call, autograph)(model, features)
        calls.extend(recorded)

    specs = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([_TRACED_ROWS, *tensor.shape[1:]], tensor.dtype), model.input
    )
    return calls, tf.function(trace).get_concrete_function(specs).graph


def _call(model: tf.keras.Model, features: Any) -> Any:
    return model(features, training=True)


def _refuse_changing_weights(model: tf.keras.Model, graph: Any) -> None:
    handles = {inner.ref(): outer for outer, inner in graph.captures}
    for operation in graph.get_operations():
        if not operation.type.startswith("Assign"):
            continue
        changed = handles.get(operation.inputs[0].ref())
        for variable in model.variables:
            if variable.handle is changed:
                raise WrongKindError(
                    f"the model changes {variable.name!r} while it is trained, outside the gradients, where neither "
                    "clipping nor noise protects what it learns of patients; leave out the layer that does so."
                )


def _why_not(call: LayerCall, graph: Any) -> str | None:
    """What keeps the layer's gradients from following from its inputs and outputs, if anything does."""
    arguments = [value for value in tf.nest.flatten((call.arguments, call.options)) if tf.is_tensor(value)]
    outputs = tf.nest.flatten(call.outputs)
    for tensor in [*arguments, *outputs]:
        if not isinstance(tensor, tf.Tensor) or tensor.graph is not graph:
            return "is called inside a loop or a branch, or with sparse or ragged tensors"
        if not tensor.shape.rank or tensor.shape[0] != _TRACED_ROWS:
            return "works on other rows than one a patient"
    if not call.before_activation and _draws_random_numbers(arguments, outputs, graph):
        return "draws random numbers and has no closed form"
    return None


def _draws_random_numbers(inputs: Iterable[tf.Tensor], outputs: Iterable[tf.Tensor], graph: Any) -> bool:
    reached = {id(tensor.op) for tensor in inputs}
    waiting = [tensor.op for tensor in outputs]
    calls_functions = False
    while waiting:
        operation = waiting.pop()
        if id(operation) in reached:
            continue
        reached.add(id(operation))
        if operation.type in _CALLS_FUNCTIONS:
            calls_functions = True
        elif any(word in operation.type for word in _RANDOM):
            return True
        waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    if not calls_functions:
        return False
    # Which function is whose would take a second search; any that draws is enough to be careful.
    return any(
        word in node.op and node.op not in _CALLS_FUNCTIONS
        for function in graph.as_graph_def().library.function
        for node in function.node_def
        for word in _RANDOM
    )
