"""A CTGAN over hospitals that keep their rows is the one of rows at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hospitals_apart import federation

from data.catalogue import load_dataset
from data.federation import Federation
from tff_health.analytics.table_codec.encoding_in_graph import draws_of, encoded
from tff_health.analytics.table_codec.fit import fit_codec
from tff_health.experiments.apart.held_rows import held_matrices
from tff_health.hospitals.held_table import write_held_table
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.runtime.context import execution_context
from tff_health.synthesis.ctgan import Ctgan

NAME = "clinics"
SMALL = Ctgan(
    updates=10,
    training=replace(
        CtganSettings(), generator_hidden=(16,), critic_hidden=(16,), local_updates=2, generator_updates=2, latent_dim=8
    ),
    max_modes=3,
    probes=0,
)


@pytest.fixture(scope="module")
def clinics() -> Federation:
    """Three hospitals; a tenth of the cells of two columns is missing."""
    loaded = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(loaded, Federation)
    rng = np.random.default_rng(0)
    first, second = [column.name for column in loaded.schema.features[:2]]
    hospitals = []
    for hospital in loaded.members:
        train = hospital.train.copy()
        for name in (first, second):
            train.loc[rng.random(len(train)) < 0.1, name] = np.nan
        hospitals.append(replace(hospital, train=train))
    kept = [*[column.name for column in loaded.schema.features[:4]], loaded.schema.target]
    return replace(loaded, schema=loaded.schema.select(kept), hospitals=tuple(hospitals))


@pytest.fixture(scope="module")
def matrices(clinics: Federation) -> list[np.ndarray]:
    return [clinics.schema.encode(hospital.train) for hospital in clinics.members]


@pytest.fixture(scope="module")
def held(clinics: Federation, matrices: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list]:
    """The same rows in three workers' folders; the context of these workers is installed."""
    root = tmp_path_factory.mktemp("clinics")
    with federation(root, tuple(hospital.name for hospital in clinics.members)):
        for hospital in clinics.members:
            write_held_table(root / hospital.name, NAME, clinics, hospital)
        yield held_matrices(NAME, "train", len(clinics.schema.columns), [*map(len, matrices)])


def test_the_encoding_is_fitted_alike(clinics, matrices, held):
    apart = fit_codec(clinics.schema, held, max_modes=3)
    with execution_context():
        together = fit_codec(clinics.schema, matrices, max_modes=3)
    assert apart.codec == together.codec
    assert apart.rows == together.rows
    for name, counts in together.counts.items():
        np.testing.assert_array_equal(apart.counts[name], counts)


def test_rows_are_encoded_alike(clinics, matrices):
    with execution_context():
        codec = fit_codec(clinics.schema, matrices, max_modes=3).codec
    for place, matrix in enumerate(matrices):
        draws = draws_of(codec, len(matrix), np.random.default_rng(place))
        in_graph = encoded(codec, tf.constant(matrix), tf.constant(draws)).numpy()
        np.testing.assert_array_equal(in_graph, codec.encode(matrix, np.random.default_rng(place)))


@pytest.mark.parametrize("aggregator", ["mean", "secure-weighted"])
def test_the_generator_is_trained_alike(clinics, matrices, held, aggregator):
    ctgan = replace(SMALL, aggregator=aggregator)
    apart = ctgan.fit(clinics.schema, held, seed=5)
    with execution_context():
        together = ctgan.fit(clinics.schema, matrices, seed=5)
    for one, other in zip(apart.generator.weights, together.generator.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
        if aggregator == "secure-weighted":  # its encoding is summed in fixed point on both sides
            np.testing.assert_array_equal(one, other)
    assert apart.history[-1].keys() == together.history[-1].keys()
