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
from tff_health.runtime.at_hospital import AtHospital, maker_of
from tff_health.runtime.seeds import generator


def encoded_rows(codec: TableCodec, matrices: Sequence[Matrix], seed: int) -> list[HospitalRows]:
    """Every hospital's rows in a fitted encoding; the same whether rows are at hand or not.

    Args:
        codec: fitted to these rows.
        matrices: one a hospital.
        seed: of the draws of modes.
    """
    draws = [generator(seed, "encoding", place) for place in range(len(matrices))]
    maker = maker_of(matrices)
    if maker is None:
        return [RowsAtHand(codec.encode(np.asarray(own), rng)) for own, rng in zip(matrices, draws, strict=True)]

    def made_from(told: Any) -> tf.Tensor:
        place, drawn = told
        return encoded(codec, maker(place), drawn)

    numbers = draws_of(codec, 0, np.random.default_rng(0)).shape[1]
    told_type = tff.StructType([maker.type_signature.parameter, tff.TensorType(np.float64, [None, numbers])])
    make = rows_maker(told_type, made_from, (codec.layout.width,))
    rows: list[HospitalRows] = []
    for own, rng in zip(matrices, draws, strict=True):
        assert isinstance(own, AtHospital)
        rows.append(RowsAtHospital(make, [own.told, draws_of(codec, len(own), rng)], len(own)))
    return rows
