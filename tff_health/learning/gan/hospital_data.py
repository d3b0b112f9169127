"""What a hospital's part of a round is made from: its rows and a seed."""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf

from tff_health.runtime.client_batches import lean_options


def hospital_data(rows: np.ndarray, seed: np.ndarray, weight: int | None = None) -> tf.data.Dataset:
    """A hospital's data for one round, for `next(state, datasets)`.

    Args:
        rows: float32 [rows, ...], all real rows of the hospital; batches are drawn from them inside the process.
        seed: int64 [2], of this hospital and round alone (`seeds.tf_seed`).
        weight: rows that the hospital has, where these are some of them only; default: as many as are given.

    Returns:
        a dataset of one element, `OrderedDict(rows=..., seed=..., weight=...)`.

    Raises:
        ValueError: another dtype or shape of the seed or the rows.
    """
    if rows.dtype != np.float32 or rows.ndim < 2:
        raise ValueError(f"rows must be float32 [rows, ...], not {rows.dtype} {list(rows.shape)}")
    if seed.dtype != np.int64 or seed.shape != (2,):
        raise ValueError(f"the seed must be int64 [2], not {seed.dtype} {list(seed.shape)}")
    spec = data_spec(rows.shape[1:])
    number = len(rows) if weight is None else weight
    variant = _dataset_function(rows.shape[1:])(tf.constant(rows), tf.constant(seed), tf.constant(number))
    return tf.data.experimental.from_variant(variant, spec)


def data_spec(row_shape: tuple[int, ...]) -> OrderedDict[str, tf.TensorSpec]:
    """The element type of `hospital_data`."""
    return OrderedDict(
        rows=tf.TensorSpec([None, *row_shape], tf.float32),
        seed=tf.TensorSpec([2], tf.int64),
        weight=tf.TensorSpec([], tf.int32),
    )


@functools.lru_cache(maxsize=64)
def _dataset_function(row_shape: tuple[int, ...]) -> Any:
    """The dataset and its options as one function, traced once for each shape of a row: options take milliseconds."""
    spec = data_spec(row_shape)

    def dataset(*parts: tf.Tensor) -> tf.Tensor:
        # The raw operation, because the type must leave the number of rows open.
        variant = tf.raw_ops.TensorDataset(components=parts, output_shapes=[s.shape for s in spec.values()])
        return tf.data.experimental.to_variant(
            tf.data.experimental.from_variant(variant, spec).with_options(lean_options())
        )

    return tf.function(dataset, autograph=False).get_concrete_function(*spec.values())
