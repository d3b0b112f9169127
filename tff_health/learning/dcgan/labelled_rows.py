"""Labelled images as the rows of one array, which is what hospitals' data in GAN processes are."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tff_health.learning.gan.task import Draws


def pack(pixels: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Rows of pixels, followed by the one-hot class.

    Args:
        pixels: float32 [images, size, size, 1].
        labels: int [images], below `classes`.
        classes: how many.

    Returns:
        float32 [images, size * size + classes].

    Raises:
        ValueError: shapes that do not go together, or a label that is no class.
    """
    if pixels.ndim != 4 or pixels.shape[1] != pixels.shape[2] or pixels.shape[3] != 1:
        raise ValueError(f"images must be [images, size, size, 1], not {list(pixels.shape)}")
    if labels.shape != (len(pixels),):
        raise ValueError(f"labels must be [{len(pixels)}], not {list(labels.shape)}")
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"labels must lie between 0 and {classes - 1}")
    one_hot = np.eye(classes, dtype=np.float32)[labels]
    return np.concatenate([pixels.reshape(len(pixels), -1).astype(np.float32), one_hot], 1)


def unpack(rows: tf.Tensor, size: int) -> tuple[Draws, Draws]:
    """Images [..., size, size, 1] and one-hot classes [..., classes] of rows [..., size * size + classes]."""
    pixels, classes = rows[..., : size * size], rows[..., size * size :]
    leading = tf.shape(rows)[:-1] if not rows.shape[:-1].is_fully_defined() else rows.shape[:-1]
    return tf.reshape(pixels, tf.concat([leading, [size, size, 1]], 0)), classes
