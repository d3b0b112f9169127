"""The gradient mapped over patients: right for any model that keeps patients apart, but many times slower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tff_health.learning.clipping.clip_scales import Clipping, clip_scales
from tff_health.learning.clipping.empty_batch import with_a_row
from tff_health.learning.clipping.patient_loss import patient_losses
from tff_health.learning.clipping.rows import as_rows, gradient_squares


def for_each_patient(function: Callable[[Any], Any], elements: Any, signature: Any) -> Any:
    """`tf.vectorized_map`, or the loop of `tf.map_fn` where TensorFlow cannot vectorise; also takes an empty batch.

    Args:
        function: from one element, without the batch axis, to a structure of tensors.
        elements: structure of tensors [batch, ...].
        signature: structure of `tf.TensorSpec` of what `function` gives.

    Returns:
        Structure of tensors [batch, ...].
    """
    # Neither can tell what nobody's results would look like.
    padded, patients = with_a_row(elements)
    try:
        found = tf.vectorized_map(function, padded)
    except Exception:  # What cannot be vectorised shows as errors of many kinds; those of `function` come again below.
        found = tf.map_fn(function, padded, fn_output_signature=signature)
    return tf.nest.map_structure(lambda values: values[:patients], found)


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
    squares = [tf.add_n([gradient_squares(gradients[position]) for position in group]) for group in groups]
    clipped = clip_scales(squares, losses, clip=clip, clipping=clipping)
    sums: dict[int, tf.Tensor] = {}
    for group, scale in zip(groups, clipped.scales, strict=True):
        for position in group:
            rows = as_rows(gradients[position])
            weighted = tf.math.multiply_no_nan(rows, tf.cast(scale, rows.dtype))
            sums[position] = tf.reshape(tf.reduce_sum(weighted, axis=0), variables[position].shape)
    return tuple(sums[position] for position in range(len(variables))), losses, clipped.norms
