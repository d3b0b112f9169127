"""Rows that a hospital holds and the coordinator only speaks of: what the arms of an experiment train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.preprocessing_in_graph import features_and_labels
from tff_health.hospitals.held_facts import Part
from tff_health.hospitals.held_table import matrix_file
from tff_health.runtime.at_hospital import AtHospital
from tff_health.runtime.client_batches import epoch_permutations, lean_options

_NUMBERS = tff.TensorType(np.int32, [None])


class HeldFeatures:
    """The computations by which hospitals make features and batches of a dataset's rows.

    They read the hospital's own file, preprocess it and take the rows that they are told the places of: where they
    stand once class 0 is put before class 1, so that whoever names them need not know labels. Made once for all
    hospitals and rounds.

    Args:
        dataset: the dataset's name.
        columns: of a row.
        preprocessor: fitted.
    """

    def __init__(self, dataset: str, columns: int, preprocessor: TablePreprocessor) -> None:
        self._dataset, self._columns, self._preprocessor = dataset, columns, preprocessor
        self._made: dict[tuple[str, Part], tff.Computation] = {}

    def batches(self, part: Part) -> tff.Computation:
        """Of (places, order of training among these rows, first of each batch, rows of each batch): the batches."""
        return self._kept("batches", part)

    def rows(self, part: Part) -> tff.Computation:
        """Of places: features float32 [rows, width] and labels float32 [rows, 1]."""
        return self._kept("rows", part)

    def _kept(self, what: str, part: Part) -> tff.Computation:
        if (what, part) not in self._made:
            self._made[what, part] = self._build_batches(part) if what == "batches" else self._build_rows(part)
        return self._made[what, part]

    def _prepared(self, part: Part, places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The rows at these places, in the table's order."""
        features, labels = features_and_labels(self._preprocessor, stored_matrix(self._dataset, part, self._columns))
        by_class = tf.argsort(labels[:, 0], stable=True)
        numbers = tf.sort(tf.gather(by_class, places))
        return tf.gather(features, numbers), tf.gather(labels, numbers)

    def _build_rows(self, part: Part) -> tff.Computation:
        @tff.tensorflow.computation(_NUMBERS)
        def rows(places):  # type: ignore[no-untyped-def]
            return self._prepared(part, places)

        return rows

    def _build_batches(self, part: Part) -> tff.Computation:
        @tff.tensorflow.computation(tff.StructType([_NUMBERS] * 4))
        def batches(told):  # type: ignore[no-untyped-def]
            places, order, begin, size = told
            features, labels = self._prepared(part, places)
            features, labels = tf.gather(features, order), tf.gather(labels, order)
            steps = tf.data.Dataset.from_tensor_slices((begin, size))
            made = steps.map(lambda first, count: (features[first : first + count], labels[first : first + count]))
            return made.with_options(lean_options())

        return batches


@dataclass(frozen=True)
class HeldRows:
    """Some patients of one hospital.

    Attributes:
        hospital: the hospital's name.
        features: how features are made of them.
        part: of the hospital's table.
        class_counts: patients of class 0 and of class 1 among them.
        places: int32 [patients], see `HeldFeatures`.
    """

    hospital: str
    features: HeldFeatures
    part: Part
    class_counts: tuple[int, int]
    places: np.ndarray

    @classmethod
    def all_of(cls, hospital: str, features: HeldFeatures, part: Part, class_counts: tuple[int, int]) -> HeldRows:
        """Everybody in a part of a hospital's table."""
        return cls(hospital, features, part, class_counts, np.arange(sum(class_counts), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.places)

    def take_by_class(self, places: np.ndarray) -> HeldRows:
        """See `prepared.Rows`."""
        chosen = np.sort(self.places[places])
        negative = int(np.searchsorted(chosen, self.places[: self.class_counts[0]].max(initial=-1), side="right"))
        counts = (negative, len(chosen) - negative)
        return HeldRows(self.hospital, self.features, self.part, counts, chosen)

    def batches(self, *, batch_size: int, epochs: int = 1, order: np.random.SeedSequence | None) -> AtHospital:
        """As `client_batches.client_dataset` divides them: the same rows in the same order."""
        count = len(self)
        order_of_rows = epoch_permutations(count, epochs=epochs, order=order)
        starts = np.arange(0, count, batch_size, dtype=np.int32)
        begin = (np.arange(epochs, dtype=np.int32)[:, None] * count + starts).ravel()
        size = np.tile(np.minimum(batch_size, count - starts), epochs)
        told = [part.astype(np.int32) for part in (self.places, order_of_rows.ravel(), begin, size)]
        return AtHospital(self.features.batches(self.part), told, count)

    @cached_property
    def as_tensors(self) -> AtHospital:
        """Features and labels of all of them."""
        return AtHospital(self.features.rows(self.part), self.places.astype(np.int32), len(self))


def stored_matrix(dataset: str, part: Part, columns: int) -> tf.Tensor:
    """A part of the hospital's table, float64 [rows, columns], in the graph of a computation that runs there."""
    content = tf.io.read_file(matrix_file(dataset, part))
    return tf.reshape(tf.io.decode_raw(content, tf.float64), [-1, columns])


def held_matrices(dataset: str, part: Part, columns: int, rows: Sequence[int]) -> list[AtHospital]:
    """Every hospital's coded rows, for federated statistics.

    Args:
        dataset: the dataset's name.
        part: of the table.
        columns: of a row.
        rows: of each hospital, as it says.
    """

    @tff.tensorflow.computation(np.int32)
    def matrix(_):  # type: ignore[no-untyped-def]
        return tf.ensure_shape(stored_matrix(dataset, part, columns), [None, columns])

    return [AtHospital(matrix, np.int32(0), count) for count in rows]
