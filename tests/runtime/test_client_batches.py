"""The batches that the worker trains on are exactly those that NumPy predicts."""

from __future__ import annotations

import numpy as np
import pytest

from tff_health.runtime import execution_context, seeds
from tff_health.runtime.client_batches import batch_order, client_dataset, epoch_permutations

import tensorflow as tf  # isort: skip (after the project has silenced it)
import tensorflow_federated as tff  # isort: skip


def rows(count: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    features = np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)
    return features, np.arange(count, dtype=np.float32)[:, None]


@pytest.mark.parametrize(("count", "batch_size"), [(100, 32), (96, 32), (5, 8), (1, 1), (7, 7)])
@pytest.mark.parametrize("shape", [(20,), (4, 4, 1)])
def test_dataset_and_numpy_twin_agree(count: int, batch_size: int, shape: tuple[int, ...]) -> None:
    features, labels = rows(count, *shape)
    settings = {"batch_size": batch_size, "epochs": 3, "order": seeds.stream(1, "order")}
    batches = list(client_dataset(features, labels, **settings).as_numpy_iterator())
    order = batch_order(count, **settings)
    assert len(batches) == len(order)
    for (x, y), numbers in zip(batches, order, strict=True):
        np.testing.assert_array_equal(x, features[numbers])
        np.testing.assert_array_equal(y, labels[numbers])
    per_epoch = [batch_size] * (count // batch_size) + [count % batch_size] * (count % batch_size > 0)
    assert [len(numbers) for numbers in order] == per_epoch * 3
    epochs = np.concatenate(order).reshape(3, count)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(count), (3, 1)))


def test_every_epoch_and_stream_has_its_own_order() -> None:
    first = epoch_permutations(50, epochs=2, order=seeds.stream(1, "a"))
    assert (first[0] != first[1]).any()
    np.testing.assert_array_equal(first, epoch_permutations(50, epochs=2, order=seeds.stream(1, "a")))
    assert (first != epoch_permutations(50, epochs=2, order=seeds.stream(1, "b"))).any()
    straight = epoch_permutations(4, epochs=2, order=None)
    np.testing.assert_array_equal(straight, [[0, 1, 2, 3]] * 2)


def test_the_first_epochs_do_not_depend_on_how_many_follow() -> None:
    long = epoch_permutations(30, epochs=5, order=seeds.stream(1, "a"))
    np.testing.assert_array_equal(long[:2], epoch_permutations(30, epochs=2, order=seeds.stream(1, "a")))


def test_the_worker_sees_the_same_batches() -> None:
    features, labels = rows(70, 3)
    dataset = client_dataset(features, labels, batch_size=32, epochs=2, order=seeds.stream(3, "order"))

    @tff.tensorflow.computation(tff.SequenceType(tff.types.tensorflow_to_type(dataset.element_spec)))
    def concatenate(batches):  # type: ignore[no-untyped-def]
        return batches.reduce(tf.constant([], tf.float32), lambda all_y, xy: tf.concat([all_y, xy[1][:, 0]], 0))

    with execution_context():
        seen = concatenate(dataset)
    order = batch_order(70, batch_size=32, epochs=2, order=seeds.stream(3, "order"))
    np.testing.assert_array_equal(seen, labels[np.concatenate(order), 0])


def test_rows_are_shipped_once_however_many_epochs() -> None:
    features, labels = rows(200, 100)
    sizes = []
    for epochs in (1, 20):
        dataset = client_dataset(features, labels, batch_size=32, epochs=epochs, order=seeds.stream(1, "o"))
        variant = tf.data.experimental.to_variant(dataset)
        sizes.append(len(tf.raw_ops.DatasetToGraphV2(input_dataset=variant).numpy()))
    assert sizes[1] - sizes[0] < 19 * 200 * 8 + 19 * 7 * 16 + 1000  # row numbers and batch limits only


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1), np.float32), "features must be float32, not float64"),
        (np.zeros((3, 2), np.float32), np.zeros((3, 1), np.int64), "labels must be float32"),
        (np.zeros((3, 2), np.float32), np.zeros(3, np.float32), r"labels must have shape \[3, 1\]"),
        (np.zeros((3, 2), np.float32), np.zeros((2, 1), np.float32), r"labels must have shape \[3, 1\]"),
        (np.zeros((0, 2), np.float32), np.zeros((0, 1), np.float32), "rows and epochs must be 1 or more"),
    ],
)
def test_arrays_of_the_wrong_kind_are_refused(features: np.ndarray, labels: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        client_dataset(features, labels, batch_size=2, order=None)
    with pytest.raises(ValueError, match="batch size"):
        batch_order(3, batch_size=0, epochs=1, order=None)
