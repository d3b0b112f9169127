"""A trained Keras network as a constant of a graph, so that it scores images where these are."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def network_in_graph(network: tf.keras.Model) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """The network's outputs, without variables, which a TFF computation could not carry.

    Args:
        network: of one input.

    Returns:
        A function of inputs, float32 [rows, ...], that gives the outputs in their order.
    """
    spec = tf.TensorSpec([None, *network.input_shape[1:]], tf.float32)
    asked = tf.function(lambda inputs: network(inputs, training=False)).get_concrete_function(spec)
    frozen = convert_variables_to_constants_v2(asked)
    graph, source = frozen.graph.as_graph_def(), frozen.inputs[0].name
    outputs = [output.name for output in frozen.outputs]

    def ask(inputs: tf.Tensor) -> list[tf.Tensor]:
        found: list[tf.Tensor] = tf.graph_util.import_graph_def(
            graph, input_map={source: inputs}, return_elements=outputs, name="network"
        )
        return found

    return ask
