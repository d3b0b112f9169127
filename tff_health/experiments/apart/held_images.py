"""Images that hospitals hold and the coordinator only speaks of, for the training of generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.hospitals.held_images import ImageFacts, labels_file, pixels_file
from tff_health.learning.gan.hospital_rows import RowsAtHospital, rows_maker
from tff_health.synthesis.images.training_images import TrainingImages


def held_images(dataset: str, facts: Mapping[str, ImageFacts]) -> TrainingImages:
    """The training images of hospitals that are apart.

    Args:
        dataset: the dataset's name.
        facts: what the hospitals published, by their names, in the roster's order.
    """
    first = next(iter(facts.values()))
    classes, pixels = len(first.classes), first.size**2

    def packed(_: Any) -> tf.Tensor:
        """As `labelled_rows.pack`."""
        images = tf.reshape(tf.io.decode_raw(tf.io.read_file(pixels_file(dataset)), tf.float32), [-1, pixels])
        labels = tf.io.decode_raw(tf.io.read_file(labels_file(dataset)), tf.uint8)
        return tf.concat([images, tf.one_hot(tf.cast(labels, tf.int32), classes, dtype=tf.float32)], axis=1)

    make = rows_maker(tff.TensorType(np.int32), packed, (pixels + classes,))
    return TrainingImages(
        first.size,
        first.classes,
        np.array([own.counts for own in facts.values()], np.int64),
        [RowsAtHospital(make, np.int32(0), own.images) for own in facts.values()],
    )
