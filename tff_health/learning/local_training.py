"""Local training without a federation: every hospital from weights of its own.

The baselines (each hospital alone, pooled rows as one hospital, the paper's listing) use the very client work
that federated averaging uses, so that a difference between arms is never a difference between optimizers. All
hospitals, and all repeats, train side by side in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.keras_model import ModelFunction, build_tff_model
from tff_health.learning.loop import LOOP


def build_local_training(
    model_function: ModelFunction,
    feature_shape: Sequence[int],
    *,
    client_optimizer: tff.learning.optimizers.Optimizer,
    loss_function: Callable[[], tf.keras.losses.Loss] = tf.keras.losses.BinaryCrossentropy,
) -> Callable[[list[Any], list[tf.data.Dataset]], list[Any]]:
    """A TFF computation that trains a list of models, each on its own data, and aggregates nothing.

    Args:
        model_function: as for `build_classifier_process`.
        feature_shape: shape of one patient's features.
        client_optimizer: what each client steps with.
        loss_function: returns a Keras loss.

    Returns:
        A function of a list of `ModelWeights` and a list of equally many datasets, which returns the trained
        `ModelWeights` in the same order.
    """
    model = build_tff_model(model_function, feature_shape, loss_function)
    templates = tff.learning.templates
    uniform = tff.learning.ClientWeighting.UNIFORM
    work = templates.build_functional_model_delta_client_work(
        model=model, optimizer=client_optimizer, client_weighting=uniform, loop_implementation=LOOP
    )
    _, weights_type, data_type = work.next.type_signature.parameter

    @tff.tensorflow.computation(weights_type.member, weights_type.member.trainable)
    def apply_change(weights, change):  # type: ignore[no-untyped-def]
        # TFF's client work returns initial minus trained weights: an update is a direction of descent.
        trained = tf.nest.map_structure(tf.subtract, tuple(weights.trainable), tuple(change))
        return tff.learning.models.ModelWeights(trained, tuple(weights.non_trainable))

    @tff.federated_computation(weights_type, data_type)
    def train(weights, data):  # type: ignore[no-untyped-def]
        output = work.next(work.initialize(), weights, data)
        return tff.federated_map(apply_change, (weights, output.result.update))

    return train
