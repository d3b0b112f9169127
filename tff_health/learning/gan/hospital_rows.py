"""A hospital's rows as a GAN's rounds take them: at hand, or made where the hospital is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.gan.hospital_data import data_spec, hospital_data
from tff_health.runtime.at_hospital import AtHospital

_SEED = tff.TensorType(np.int64, [2])
_NUMBERS = tff.TensorType(np.int32, [None])


class HospitalRows(Protocol):
    """Rows of one hospital."""

    def __len__(self) -> int: ...

    def data(self, seed: np.ndarray, chosen: np.ndarray | None) -> Any:
        """The hospital's argument in one round.

        Args:
            seed: int64 [2], of this hospital and round alone.
            chosen: int [k], which rows take part; None: all. The hospital weighs by all of its rows.
        """


class RowsAtHand:
    """Rows that this process holds.

    Args:
        rows: float32 [rows, ...].
    """

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def data(self, seed: np.ndarray, chosen: np.ndarray | None) -> tf.data.Dataset:
        """See `HospitalRows`."""
        return hospital_data(self._rows if chosen is None else self._rows[chosen], seed, len(self))


class RowsAtHospital:
    """Rows that a hospital makes in every round from what it holds.

    Args:
        make: of (what `made_from` needs, numbers of rows, seed, weight): `hospital_data`'s dataset; see `rows_maker`.
        told: what `made_from` needs.
        rows: how many there are.
    """

    def __init__(self, make: tff.Computation, told: Any, rows: int) -> None:
        self._make, self._told, self._rows = make, told, rows

    def __len__(self) -> int:
        return self._rows

    def data(self, seed: np.ndarray, chosen: np.ndarray | None) -> AtHospital:
        """See `HospitalRows`."""
        numbers = np.arange(self._rows) if chosen is None else chosen
        return AtHospital(self._make, [self._told, numbers.astype(np.int32), seed, np.int32(self._rows)], self._rows)


def rows_maker(
    told_type: tff.Type, made_from: Callable[[Any, tf.Tensor], tf.Tensor], row_shape: tuple[int, ...]
) -> tff.Computation:
    """The computation by which all hospitals make their rows; built once for all of them.

    Args:
        told_type: of what a hospital is told.
        made_from: gives float32 [k, *row_shape] from it and the numbers of k rows, int32 [k], in TensorFlow.
        row_shape: of a row.
    """
    spec = data_spec(row_shape)

    @tff.tensorflow.computation(tff.StructType([told_type, _NUMBERS, _SEED, np.int32]))
    def make(given: Any) -> Any:
        told, numbers, seed, weight = given
        rows = tf.ensure_shape(made_from(told, numbers), [None, *row_shape])
        element = type(spec)(rows=rows, seed=seed, weight=weight)
        return tf.data.Dataset.from_tensors(element)

    return make
