"""A client's training batches: shuffled anew in each epoch, cheap for TFF's worker, reproducible in NumPy.

The rows travel once, beside their row numbers in the order of training; a batch gathers its rows. So the
order is fixed before the worker sees it, and no seed, thread or worker can change it.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()

import tensorflow as tf  # noqa: E402


def epoch_permutations(rows: int, *, epochs: int, order: np.random.SeedSequence | None) -> np.ndarray:
    """Row numbers in the order of training: int32 array [epochs, rows], a permutation in each line.

    Args:
        rows: number of rows of the client.
        epochs: passes over the rows.
        order: the stream of the shuffles (`seeds.stream`); None leaves the rows in their own order.
    """
    if rows < 1 or epochs < 1:
        raise ValueError(f"rows and epochs must be 1 or more, not {rows} and {epochs}")
    straight = np.tile(np.arange(rows, dtype=np.int32), (epochs, 1))
    if order is None:
        return straight
    generator = np.random.Generator(np.random.PCG64(order))
    return np.stack([generator.permutation(line) for line in straight])


def batch_order(rows: int, *, batch_size: int, epochs: int, order: np.random.SeedSequence | None) -> list[np.ndarray]:
    """The row numbers of each batch that `client_dataset` yields, for training again outside TensorFlow.

    Returns:
        one int32 array [batch] a step. Batches do not straddle epochs: 100 rows in batches of 32 make
        32, 32, 32, 4 in every epoch.
    """
    _check_batch_size(batch_size)
    return [
        line[start : start + batch_size]
        for line in epoch_permutations(rows, epochs=epochs, order=order)
        for start in range(0, rows, batch_size)
    ]


def client_dataset(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    epochs: int = 1,
    order: np.random.SeedSequence | None,
) -> tf.data.Dataset:
    """A client's batches of all epochs, for TFF's `next(state, datasets)`.

    Args:
        features: float32 array [rows, ...].
        labels: float32 array [rows, 1].
        batch_size: rows a batch; the last batch of an epoch may be smaller.
        epochs: passes over the rows.
        order: the stream of the shuffles; None leaves the rows in their own order (evaluation).

    Returns:
        dataset of (features [batch, ...], labels [batch, 1]), float32, batch size unknown in the type.

    Raises:
        ValueError: no rows, lengths that differ, another dtype than float32, labels that are not a column.
    """
    _check_batch_size(batch_size)
    for name, array in (("features", features), ("labels", labels)):
        if array.dtype != np.float32:
            raise ValueError(f"{name} must be float32, not {array.dtype}")
    if labels.shape != (len(features), 1):
        raise ValueError(f"labels must have shape [{len(features)}, 1], not {list(labels.shape)}")
    rows = len(features)
    permutations = epoch_permutations(rows, epochs=epochs, order=order)
    starts = np.arange(0, rows, batch_size, dtype=np.int64)
    begin = (np.arange(epochs)[:, None] * rows + starts).reshape(-1, 1)  # [steps, 1], into the flat permutations
    size = np.tile(np.minimum(batch_size, rows - starts), epochs)[:, None]
    specs = (tf.TensorSpec([None, *features.shape[1:]], tf.float32), tf.TensorSpec([None, 1], tf.float32))
    kinds: dict[str, Any] = {"output_types": [tf.float32, tf.float32], "output_shapes": [spec.shape for spec in specs]}
    # The operations themselves: `tf.data.Dataset`'s methods take three times as long, in each client and round.
    steps = tf.raw_ops.TensorSliceDataset(components=[begin, size], output_shapes=[[1], [1]])
    # `Dataset.map` would trace its function for every client and round, 20 ms each; here one traced function
    # serves all clients, and the arrays are its arguments.
    batches = tf.raw_ops.MapDataset(
        input_dataset=steps,
        other_arguments=[tf.constant(permutations.ravel()), tf.constant(features), tf.constant(labels)],
        f=_gather_function(features.shape[1:]),
        use_inter_op_parallelism=False,
        **kinds,
    )
    lean = tf.raw_ops.OptionsDataset(input_dataset=batches, serialized_options=_serialized_options(), **kinds)
    return tf.data.experimental.from_variant(lean, specs)


@functools.lru_cache(maxsize=64)
def _gather_function(feature_shape: tuple[int, ...]) -> Any:
    """The function that gathers a batch, traced once for each shape of a row."""

    def gather(
        begin: tf.Tensor, size: tf.Tensor, order: tf.Tensor, features: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = tf.slice(order, begin, size)
        return tf.gather(features, numbers), tf.gather(labels, numbers)

    position = tf.TensorSpec([1], tf.int64)
    return tf.function(gather, autograph=False).get_concrete_function(
        position,
        position,
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, *feature_shape], tf.float32),
        tf.TensorSpec([None, 1], tf.float32),
    )


def lean_options() -> tf.data.Options:
    """Options that spare the worker set-up work: rounds over small clients become 2 to 3 times faster."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    options.experimental_optimization.apply_default_optimizations = False
    options.deterministic = True
    return options


@functools.lru_cache(maxsize=1)
def _serialized_options() -> bytes:
    return lean_options()._to_proto().SerializeToString()  # TensorFlow has no public name for it


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"the batch size must be 1 or more, not {batch_size}")
