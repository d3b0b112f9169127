"""The gradient mapped over patients: right for any model that keeps patients apart, but many times slower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tff_health.learning.clipping.bounded_sums import bounded_sums
from tff_health.learning.clipping.clip_scales import Clipping
from tff_health.learning.clipping.layer_gradients import WholeGradients
from tff_health.learning.clipping.patient_loss import patient_losses
from tff_health.learning.clipping.patient_map import for_each_patient


def mapped_clipped_sum(
    model: tf.keras.Model,
    loss: tf.keras.losses.Loss,
    features: Any,
    labels: tf.Tensor,
    *,
    groups: Sequence[Sequence[int]],
    clip: float,
    clipping: Clipping,
    autograph: Any,
) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor]:
    """Clipped sums, losses and norms (see `ClippedSum`) from every patient's whole gradient.

    Args:
        model: as for `build_clipped_sum`.
        loss: the same.
        features: [batch, ...], or a structure of these.
        labels: [batch, 1].
        groups: from `layer_groups`.
        clip: bound on the whole gradient.
        clipping: "flat" or "per-layer".
        autograph: the caller's AutoGraph status.
    """
    variables = model.trainable_variables

    def of_one(element: tuple[Any, tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        own, label = tf.nest.map_structure(lambda values: values[None], element)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            losses = patient_losses(model, loss, own, label, autograph)
        found = tape.gradient(losses, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return losses[0], [tf.convert_to_tensor(gradient) for gradient in found]

    signature = (
        tf.TensorSpec([], tf.float32),
        [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables],
    )
    losses, gradients = for_each_patient(of_one, (features, labels), signature)
    whole = WholeGradients(gradients, range(len(variables)), [variable.shape for variable in variables])
    sums, norms = bounded_sums([whole], losses, groups=groups, clip=clip, clipping=clipping)
    return sums, losses, norms
