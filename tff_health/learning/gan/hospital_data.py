"""What a hospital's part of a round is made from: its rows and a seed."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import tensorflow as tf

from tff_health.runtime.client_batches import lean_options


def hospital_data(rows: np.ndarray, seed: np.ndarray) -> tf.data.Dataset:
    """A hospital's data for one round, for `next(state, datasets)`.

    Args:
        rows: float32 [rows, ...], all real rows of the hospital; batches are drawn from them inside the process.
        seed: int64 [2], of this hospital and round alone (`seeds.tf_seed`).

    Returns:
        a dataset of one element, `OrderedDict(rows=..., seed=...)`.

    Raises:
        ValueError: another dtype or shape of the seed or the rows.
    """
    if rows.dtype != np.float32 or rows.ndim < 2:
        raise ValueError(f"rows must be float32 [rows, ...], not {rows.dtype} {list(rows.shape)}")
    if seed.dtype != np.int64 or seed.shape != (2,):
        raise ValueError(f"the seed must be int64 [2], not {seed.dtype} {list(seed.shape)}")
    # A variable number of rows in the type, so that hospitals of any size are of one type.
    spec = data_spec(rows.shape[1:])
    variant = tf.raw_ops.TensorDataset(
        components=[tf.constant(rows), tf.constant(seed)], output_shapes=[s.shape for s in spec.values()]
    )
    return tf.data.experimental.from_variant(variant, spec).with_options(lean_options())


def data_spec(row_shape: tuple[int, ...]) -> OrderedDict[str, tf.TensorSpec]:
    """The element type of `hospital_data`."""
    return OrderedDict(rows=tf.TensorSpec([None, *row_shape], tf.float32), seed=tf.TensorSpec([2], tf.int64))
