"""Records what goes into a model's layers and what comes out, while the model is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

_ABSENT = object()


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer.

    Attributes:
        layer: which.
        arguments: positional arguments of its `call`, the inputs first.
        options: keyword arguments of its `call`.
        outputs: what it returned; before its activation where `before_activation`.
        before_activation: see `recorded_calls`.
    """

    layer: tf.keras.layers.Layer
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    outputs: Any
    before_activation: bool


@contextmanager
def recorded_calls(
    layers: Sequence[tf.keras.layers.Layer],
    *,
    before_activation: Callable[[tf.keras.layers.Layer, Any], bool],
    watch: Callable[[tf.Tensor], None],
    autograph: Any,
) -> Iterator[list[LayerCall]]:
    """While open, every call of one of the layers is recorded; afterwards they are as they were, whatever happened.

    Not for several threads that call the same model at a time.

    Args:
        layers: what to record.
        before_activation: from a layer and its inputs to whether its outputs are recorded before its `activation`,
            which is then applied here.
        watch: called with every floating-point output before anything else uses it, as `tape.watch`.
        autograph: the caller's AutoGraph status, under which a user's layers are converted.

    Yields:
        The calls, in order, filled while the model runs.
    """
    calls: list[LayerCall] = []
    before = [vars(layer).get("call", _ABSENT) for layer in layers]
    try:
        for layer in layers:
            # Past Keras' own __setattr__, which would keep track of the function.
            object.__setattr__(layer, "call", _recording(layer, calls, before_activation, watch, autograph))
        yield calls
    finally:
        for layer, own in zip(layers, before, strict=True):
            if own is not _ABSENT:
                object.__setattr__(layer, "call", own)
            elif "call" in vars(layer):
                object.__delattr__(layer, "call")


def _recording(
    layer: tf.keras.layers.Layer,
    calls: list[LayerCall],
    before_activation: Callable[[tf.keras.layers.Layer, Any], bool],
    watch: Callable[[tf.Tensor], None],
    autograph: Any,
) -> Callable[..., Any]:
    original = tf.__internal__.autograph.tf_convert(layer.call, autograph)

    def call(*arguments: Any, **options: Any) -> Any:
        inputs = arguments[0] if arguments else next(iter(options.values()), None)
        split = before_activation(layer, inputs)
        activation = layer.activation if split else None
        if split:
            object.__setattr__(layer, "activation", None)
        try:
            outputs = original(*arguments, **options)
        finally:
            if split:
                object.__setattr__(layer, "activation", activation)
        for output in tf.nest.flatten(outputs):
            if isinstance(output, tf.Tensor) and output.dtype.is_floating:
                watch(output)
        calls.append(LayerCall(layer, arguments, options, outputs, split))
        return outputs if activation is None else activation(outputs)

    return tf.autograph.experimental.do_not_convert(call)
