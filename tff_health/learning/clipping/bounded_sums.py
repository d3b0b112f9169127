"""From the gradients of a model's layers to the sums of clipped ones."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tff_health.learning.clipping.clip_scales import Clipping, clip_scales
from tff_health.learning.clipping.layer_gradients import LayerGradients


def bounded_sums(
    layers: Sequence[LayerGradients],
    losses: tf.Tensor,
    *,
    groups: Sequence[Sequence[int]],
    clip: float,
    clipping: Clipping,
) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
    """Clips every patient's gradient and adds them up.

    Args:
        layers: gradients of every trainable weight of the model, each once.
        losses: float32 [batch]; a patient whose loss is not finite is left out.
        groups: from `layer_groups`.
        clip: bound on the whole gradient.
        clipping: "flat" or "per-layer".

    Returns:
        The sums, in the order of the weights, and the float32 [batch] norms of `ClippedSum`.
    """
    squares = [square for layer in layers for square in layer.squares()]
    by_group = [[square for positions, square in squares if positions[0] in group] for group in map(frozenset, groups)]
    factors = clip_scales([tf.add_n(parts) for parts in by_group], losses, clip=clip, clipping=clipping)
    scale_of = {position: scale for group, scale in zip(groups, factors.scales, strict=True) for position in group}
    scales = [scale_of[position] for position in range(len(scale_of))]
    sums = dict(pair for layer in layers for pair in layer.clipped_sum(scales, factors.kept))
    return tuple(sums[position] for position in range(len(sums))), factors.norms
