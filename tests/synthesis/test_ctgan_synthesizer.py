"""The federated CTGAN in one call: the same seed, conditions, going on after an interruption, and what a file holds."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.catalogue import load_dataset
from data.errors import SettingsError
from data.federation import Federation
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.synthesis.ctgan import Ctgan
from tff_health.synthesis.generator_file import load_generator, save_generator
from tff_health.synthesis.synthesizer import Fitted

SMALL = Ctgan(
    updates=8,
    max_modes=3,
    probes=1,
    training=CtganSettings(
        local_updates=2, generator_updates=2, generator_hidden=(16,), critic_hidden=(16,), latent_dim=8
    ),
)


class KilledError(Exception):
    """Stands for a process that ends."""


def matrices(federation: Federation) -> list[np.ndarray]:
    return [federation.schema.encode(hospital.train) for hospital in federation.members]


def fit(federation: Federation, synthesizer: Ctgan = SMALL, **options: Any) -> Fitted:
    return synthesizer.fit(federation.schema, matrices(federation), seed=5, **options)


@pytest.fixture(scope="module")
def hospitals() -> Federation:
    return load_dataset(
        "breast_cancer", {"hospitals": 3, "partition": "iid", "test_fraction": 0.2}, data_dir=None, seed=1
    )


@pytest.fixture(scope="module")
def fitted(hospitals: Federation) -> Fitted:
    return fit(hospitals, probe=lambda generator: {"rows": float(len(generator.sample(7, seed=0)))})


def test_progress_losses_and_probes(fitted: Fitted) -> None:
    assert [point["updates"] for point in fitted.history] == [2, 4, 6, 8]
    assert all(np.isfinite(point["critic_loss"]) and np.isfinite(point["generator_loss"]) for point in fitted.history)
    assert [point.get("rows") for point in fitted.history] == [None, None, None, 7.0]


def test_bytes_sent_count_statistics_and_moments(hospitals: Federation, fitted: Fitted) -> None:
    critic = fitted.facts["bytes_up"]  # all that its hospitals train and send
    training = replace(SMALL.training, mode="average-both", memory="kept")
    both = fit(hospitals, replace(SMALL, updates=2, probes=0, training=training))
    statistics = 2 * 16 * 4  # of the generator's one normalised layer: a mean and a variance for each of 16 units
    generator = sum(values.nbytes for values in both.generator.arrays().values()) - statistics
    # Both of Adam's moments travel beside every weight.
    assert both.facts["bytes_up"] == 3 * (critic + generator) + statistics


def test_conditions_are_met_in_every_row(hospitals: Federation, fitted: Fitted) -> None:
    schema = hospitals.schema
    table = schema.check(fitted.generator.sample(300, {schema.target: "malignant"}, seed=3), "the sample")
    assert len(table) == 300
    assert {schema[schema.target].codebook[code] for code in table[schema.target]} == {"malignant"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table_after_an_interruption_too(
    hospitals: Federation, fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tff_health.learning.gan.rounds._SECONDS_BETWEEN_CHECKPOINTS", 0.0)

    def die(done: int, rounds: int, point: Any) -> None:
        if done == 3:
            raise KilledError

    with closing(CheckpointStore(tmp_path, "settings")) as store:
        with pytest.raises(KilledError):
            fit(hospitals, checkpoints=store, progress=die)
        rounds: list[int] = []
        again = fit(hospitals, checkpoints=store, progress=lambda done, total, point: rounds.append(done))
    assert rounds == [4]
    assert [point["critic_loss"] for point in again.history] == [point["critic_loss"] for point in fitted.history]
    pd.testing.assert_frame_equal(again.generator.sample(200, seed=9), fitted.generator.sample(200, seed=9))


def test_no_patient_can_be_read_from_a_saved_file(hospitals: Federation, fitted: Fitted, tmp_path: Path) -> None:
    """No array grows with the patients, no value of one patient alone is in the encoding, and no weights are cells."""
    save_generator(fitted.generator, tmp_path / "generator.npz")
    rows = np.concatenate(matrices(hospitals))
    with np.load(tmp_path / "generator.npz", allow_pickle=False) as archive:
        arrays = [archive[name] for name in archive.files if archive[name].dtype.kind == "f"]
        text = archive["generator.json"].tobytes().decode()
    assert len(arrays) > 3
    assert all(len(rows) not in array.shape for array in arrays)
    schema = hospitals.schema
    numeric = [index for index, column in enumerate(schema.columns) if column.is_numeric]
    single = []
    for index in numeric:
        values, times = np.unique(rows[:, index], return_counts=True)
        bounds = schema.columns[index].bounds
        # Short decimals may stand in a schema or a bin's edge.
        single += [v for v, n in zip(values, times, strict=True) if n == 1 and v not in bounds and v != round(v, 2)]
    assert len(single) > 500
    assert '"mean texture"' in text
    numbers = set(re.findall(r"-?[0-9]+\.[0-9]+(?:e-?[0-9]+)?", text))
    assert not numbers & {repr(float(value)) for value in single}
    # Two neighbouring cells of a patient side by side: a single one may be met by chance among so many weights.
    cells = rows[:, numeric].astype(np.float32)
    for array in arrays:
        assert not pairs(array.reshape(1, -1)) & pairs(cells)
    pd.testing.assert_frame_equal(
        load_generator(tmp_path / "generator.npz").sample(50, seed=2), fitted.generator.sample(50, seed=2)
    )


def pairs(table: np.ndarray) -> set[bytes]:
    values = np.ascontiguousarray(table, np.float32)
    return {row[k : k + 2].tobytes() for row in values for k in range(values.shape[1] - 1)}


def test_a_secure_sum_of_weights_is_taken_by_name(hospitals: Federation) -> None:
    secure = replace(SMALL, updates=2, probes=0, aggregator="secure-mean", aggregator_options={"bound": 1.0})
    assert len(fit(hospitals, secure).generator.sample(3, seed=1)) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aggregator": "hospital-gaussian"}, "adds noise for hospitals"),
        ({"aggregator": "secure-mean"}, "lacks bound"),
        ({"aggregator": "mean", "aggregator_options": {"bound": 1.0}}, "parameter of aggregator mean"),
        ({"aggregator": "meen"}, "mean"),
        ({"updates": 0}, "1 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Ctgan(**options)
