"""Images that hospitals hold and the coordinator only speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.hospitals.held_facts import Part
from tff_health.hospitals.held_images import ImageFacts, labels_file, pixels_file
from tff_health.learning.gan.hospital_rows import RowsAtHospital, rows_maker
from tff_health.runtime.at_hospital import AtHospital
from tff_health.synthesis.images.training_images import TrainingImages


def held_images(dataset: str, facts: Mapping[str, ImageFacts]) -> TrainingImages:
    """The training images of hospitals that are apart.

    Args:
        dataset: the dataset's name.
        facts: what the hospitals published, by their names, in the roster's order.
    """
    first = next(iter(facts.values()))
    classes = len(first.classes)

    def packed(_: Any, numbers: tf.Tensor) -> tf.Tensor:
        """As `labelled_rows.pack`."""
        pixels, labels = (tf.gather(own, numbers) for own in _stored(dataset, "train", first.size))
        return tf.concat([pixels, tf.one_hot(labels, classes, dtype=tf.float32)], axis=1)

    make = rows_maker(tff.TensorType(np.int32), packed, (first.size**2 + classes,))

    @tff.tensorflow.computation(np.int32)
    def one_hot(_):  # type: ignore[no-untyped-def]
        labels = tf.one_hot(_stored(dataset, "train", first.size)[1], classes, dtype=tf.float64)
        return tf.ensure_shape(labels, [None, classes])

    return TrainingImages(
        first.size,
        first.classes,
        np.array([own.counts for own in facts.values()], np.int64),
        [RowsAtHospital(make, np.int32(0), own.images) for own in facts.values()],
        [AtHospital(one_hot, np.int32(0), own.images) for own in facts.values()],
    )


def held_out_images(dataset: str, facts: Mapping[str, ImageFacts]) -> list[AtHospital]:
    """Every hospital's held-out images, float32 [images, size * size], and labels, int32 [images].

    Arguments as in `held_images`.
    """
    size = next(iter(facts.values())).size

    @tff.tensorflow.computation(np.int32)
    def labelled(_):  # type: ignore[no-untyped-def]
        pixels, labels = _stored(dataset, "test", size)
        return tf.ensure_shape(pixels, [None, size**2]), tf.ensure_shape(labels, [None])

    return [AtHospital(labelled, np.int32(0), sum(own.test_counts)) for own in facts.values()]


def _stored(dataset: str, part: Part, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Pixels, float32 [images, size * size], and labels, int32 [images], in the graph of a hospital's computation."""
    pixels = tf.io.decode_raw(tf.io.read_file(pixels_file(dataset, part)), tf.float32)
    labels = tf.io.decode_raw(tf.io.read_file(labels_file(dataset, part)), tf.uint8)
    return tf.reshape(pixels, [-1, size**2]), tf.cast(labels, tf.int32)
