"""A function mapped over patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tff_health.learning.clipping.empty_batch import with_a_row


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
