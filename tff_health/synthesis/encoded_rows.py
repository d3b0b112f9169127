"""Hospitals' rows as a generator is trained on them: encoded here, or where the hospital is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.analytics.statistics import Matrix
from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.analytics.table_codec.encoding_in_graph import draws_of, encoded
from tff_health.learning.gan.hospital_rows import HospitalRows, RowsAtHand, RowsAtHospital, rows_maker
from tff_health.runtime.at_hospital import AtHospital, are_apart, maker_of
from tff_health.runtime.seeds import generator


def encoded_rows(codec: TableCodec, matrices: Sequence[Matrix], seed: int) -> list[HospitalRows]:
    """Every hospital's rows in a fitted encoding; the same whether rows are at hand or not.

    Args:
        codec: fitted to these rows.
        matrices: one a hospital.
        seed: of the draws of modes.
    """
    draws = [generator(seed, "encoding", place) for place in range(len(matrices))]
    if not are_apart(matrices):
        return [RowsAtHand(codec.encode(np.asarray(own), rng)) for own, rng in zip(matrices, draws, strict=True)]
    return _encoded_there(
        codec, matrices, [draws_of(codec, len(own), rng) for own, rng in zip(matrices, draws, strict=True)]
    )


def rows_encoded_apart(codec: TableCodec, matrices: Sequence[Matrix], seed: int) -> list[HospitalRows]:
    """The same with draws from a stream of each row's own; arguments as in `encoded_rows`.

    One stream for all rows would hand a patient's neighbours other draws when the patient's row changes, and the
    guarantee rests on each patient's contribution being a function of his row alone.
    """
    if not are_apart(matrices):
        return [RowsAtHand(encode_apart(codec, np.asarray(own), seed, place)) for place, own in enumerate(matrices)]
    draws = [
        np.concatenate(
            [
                draws_of(codec, 0, _of_row(seed, place, 0)),
                *(draws_of(codec, 1, _of_row(seed, place, row)) for row in range(len(own))),
            ]
        )
        for place, own in enumerate(matrices)
    ]
    return _encoded_there(codec, matrices, draws)


def encode_apart(codec: TableCodec, matrix: np.ndarray, seed: int, hospital: int) -> np.ndarray:
    """One hospital's encoded rows, float32 [rows, width], each with draws of its own."""
    rows = [codec.encode(row[None], _of_row(seed, hospital, place)) for place, row in enumerate(matrix)]
    return np.concatenate([np.empty((0, codec.layout.width), np.float32), *rows])


def _of_row(seed: int, hospital: int, row: int) -> np.random.Generator:
    return generator(seed, "encoding", hospital, row)


def _encoded_there(codec: TableCodec, matrices: Sequence[Matrix], draws: Sequence[np.ndarray]) -> list[HospitalRows]:
    maker = maker_of(matrices)
    assert maker is not None

    def made_from(told: Any, numbers: tf.Tensor) -> tf.Tensor:
        place, drawn = told
        return encoded(codec, tf.gather(maker(place), numbers), tf.gather(drawn, numbers))

    numbers = draws_of(codec, 0, np.random.default_rng(0)).shape[1]
    told_type = tff.StructType([maker.type_signature.parameter, tff.TensorType(np.float64, [None, numbers])])
    make = rows_maker(told_type, made_from, (codec.layout.width,))
    rows: list[HospitalRows] = []
    for own, drawn in zip(matrices, draws, strict=True):
        assert isinstance(own, AtHospital)
        rows.append(RowsAtHospital(make, [own.told, drawn], len(own)))
    return rows
