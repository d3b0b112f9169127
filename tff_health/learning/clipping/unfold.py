"""Patches under a convolution's kernel: what turns its gradient into a product of two matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# Numbers a patch up to which a convolution with unit kernels is faster than gathering.
_UNIT_KERNELS_UP_TO = 25


def patches(
    images: tf.Tensor, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: str
) -> tf.Tensor:
    """The input of every position of a two-dimensional convolution (im2col).

    Args:
        images: [batch, height, width, channels]; all but batch known when tracing.
        kernel: height and width.
        strides: along height and width.
        dilations: along height and width.
        padding: "same" or "valid", as Keras means them.

    Returns:
        [batch, positions, kernel height * kernel width * channels], ordered as the kernel's weights are.
    """
    height, width, channels = images.shape[1:]
    size = kernel[0] * kernel[1] * channels
    if size <= _UNIT_KERNELS_UP_TO:
        unit = tf.reshape(tf.eye(size, dtype=images.dtype), [*kernel, channels, size])
        found = tf.nn.conv2d(images, unit, list(strides), padding.upper(), dilations=list(dilations))
        return tf.reshape(found, [-1, math.prod(found.shape[1:3]), size])
    rows = _axis(height, kernel[0], strides[0], dilations[0], padding)
    columns = _axis(width, kernel[1], strides[1], dilations[1], padding)
    (row_index, row_pad), (column_index, column_pad) = rows, columns
    padded_width = width + sum(column_pad)
    # [row, column, kernel row, kernel column] -> position in the flattened, padded image.
    index = row_index[:, None, :, None] * padded_width + column_index[None, :, None, :]
    if any(row_pad) or any(column_pad):
        images = tf.pad(images, [[0, 0], row_pad, column_pad, [0, 0]])
    flat = tf.reshape(images, [-1, (height + sum(row_pad)) * padded_width, channels])
    found = tf.gather(flat, tf.constant(index.reshape(-1), tf.int32), axis=1)
    return tf.reshape(found, [-1, len(row_index) * len(column_index), size])


def _axis(length: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[np.ndarray, tuple[int, int]]:
    """Positions [outputs, kernel] along one padded axis, and the padding before and after."""
    span = (kernel - 1) * dilation + 1
    if padding == "same":
        outputs = -(-length // stride)
        missing = max((outputs - 1) * stride + span - length, 0)
        pad = (missing // 2, missing - missing // 2)
    else:
        outputs, pad = (length - span) // stride + 1, (0, 0)
    return np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation, pad
