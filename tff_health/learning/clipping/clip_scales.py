"""From norms to the factor that every patient's gradient is multiplied by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

Clipping = Literal["flat", "per-layer"]


@dataclass(frozen=True)
class ClipScales:
    """Factors for one batch.

    Attributes:
        scales: float32 [batch, 1] for every group of `layer_groups`, in [0, 1]; 0 for patients left out.
        kept: float32 [batch, 1]: 1, or 0 for patients left out because loss or gradient is not finite.
        norms: float32 [batch], of the whole gradient; NaN for patients left out.
    """

    scales: tuple[tf.Tensor, ...]
    kept: tf.Tensor
    norms: tf.Tensor


def clip_scales(squares: Sequence[tf.Tensor], losses: tf.Tensor, *, clip: float, clipping: Clipping) -> ClipScales:
    """The factors min(1, bound / norm), or 0.

    Args:
        squares: float64 [batch, 1] for every group: the squared norm of the patient's gradient in that group.
        losses: float32 [batch].
        clip: the bound on the whole gradient.
        clipping: "flat": one factor from the whole norm; "per-layer": each group has the bound
            clip / sqrt(groups), and the whole therefore `clip`.
    """
    total = tf.add_n(squares) if len(squares) > 1 else squares[0]
    # In float32, as released: a square beyond it counts as overflow.
    norms = tf.sqrt(tf.cast(total, tf.float32))
    # Not `0 * losses`, which TensorFlow's optimizer takes for zero even where a loss is NaN.
    finite = tf.math.is_finite(norms + tf.reshape(losses, [-1, 1]))
    kept = tf.cast(finite, tf.float32)
    if clipping == "flat":
        scales = [_scale(norms, clip, kept)] * len(squares)
    else:
        bound = clip / math.sqrt(len(squares))
        scales = [_scale(tf.sqrt(tf.cast(square, tf.float32)), bound, kept) for square in squares]
    return ClipScales(tuple(scales), kept, tf.reshape(tf.where(finite, norms, math.nan), [-1]))


def _scale(norms: tf.Tensor, bound: float, kept: tf.Tensor) -> tf.Tensor:
    """Bound / max(norm, bound) is min(1, bound / norm) without a division by zero; 0 for those left out."""
    return tf.math.multiply_no_nan(bound / tf.maximum(norms, bound), kept)
