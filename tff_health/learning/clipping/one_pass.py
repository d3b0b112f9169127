"""Clipped sums from one forward and one backward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tff_health.learning.clipping.bounded_sums import bounded_sums
from tff_health.learning.clipping.clip_scales import Clipping
from tff_health.learning.clipping.empty_batch import takes_no_rows, with_a_row
from tff_health.learning.clipping.layer_calls import recorded_calls
from tff_health.learning.clipping.layer_gradients import has_closed_form, layer_gradients
from tff_health.learning.clipping.method import weighted_layers
from tff_health.learning.clipping.patient_loss import patient_losses


def one_pass_clipped_sum(
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
    """Clipped sums, losses and norms (see `ClippedSum`) by book-keeping (Bu et al. 2023, arXiv 2210.00038).

    The inputs of every layer with weights are kept in the forward pass; the backward pass goes to the layers'
    outputs only, never to the weights; norms and clipped sums then come from inputs and gradients at outputs, layer
    by layer (`layer_gradients.py`).

    Args:
        model: one for which `choose_method` says "fast".
        loss: as for `build_clipped_sum`.
        features: [batch, ...], or a structure of these.
        labels: [batch, 1].
        groups: from `layer_groups`.
        clip: bound on the whole gradient.
        clipping: "flat" or "per-layer".
        autograph: the caller's AutoGraph status.
    """
    patients = None
    if not takes_no_rows(model):
        (features, labels), patients = with_a_row((features, labels))
    with (
        tf.GradientTape(watch_accessed_variables=False) as tape,
        recorded_calls(
            weighted_layers(model), before_activation=has_closed_form, watch=tape.watch, autograph=autograph
        ) as calls,
    ):
        losses = patient_losses(model, loss, features, labels, autograph)
    outputs = [[output for output in tf.nest.flatten(call.outputs) if output.dtype.is_floating] for call in calls]
    # The gradient of a vector is that of its sum; row i of it belongs to patient i alone.
    deltas = tape.gradient(losses, outputs, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    position = {id(variable): number for number, variable in enumerate(model.trainable_variables)}
    found = [
        layer_gradients(call, delta, [position[id(v)] for v in call.layer.trainable_variables], autograph)
        for call, delta in zip(calls, deltas, strict=True)
    ]
    if patients is not None:
        # A row that is nobody is left out as a patient without a finite loss is.
        losses += tf.where(patients > 0, 0.0, math.nan)
    gradients, norms = bounded_sums(found, losses, groups=groups, clip=clip, clipping=clipping)
    if patients is None:
        return gradients, losses, norms
    return gradients, losses[:patients], norms[:patients]
