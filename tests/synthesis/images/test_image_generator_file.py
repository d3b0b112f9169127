"""Generators of images as files: read back alike, without pickle, and refused in one sentence where damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import DataError
from tff_health.synthesis.generator_archive import read_facts, read_modality, write_archive
from tff_health.synthesis.generator_file import load_generator, read_schema
from tff_health.synthesis.images.dcgan_generator import DcganGenerator
from tff_health.synthesis.images.generator_file import load_image_generator, save_image_generator

Untrained = Callable[..., DcganGenerator]


@pytest.fixture
def path(tmp_path: Path, untrained_dcgan: Untrained) -> Path:
    saved = tmp_path / "model" / "images.npz"
    save_image_generator(untrained_dcgan(), saved, {"arm": "dcgan"})
    return saved


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], Any]) -> None:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays.pop("generator.json").tobytes())
    change(meta, arrays)
    np.savez(path, **{"generator.json": np.frombuffer(json.dumps(meta).encode(), np.uint8)}, **arrays)


def test_a_loaded_generator_draws_the_same_images(path: Path, untrained_dcgan: Untrained) -> None:
    before, again = untrained_dcgan().sample(30, seed=2), load_image_generator(path)
    after = again.sample(30, seed=2)
    np.testing.assert_array_equal(after.pixels, before.pixels)
    np.testing.assert_array_equal(after.labels, before.labels)
    assert (again.size, again.classes, again.counts.tolist()) == (8, ("normal", "pneumonia"), [20, 80])
    assert read_facts(path) == {"arm": "dcgan"}
    assert read_modality(path) == "images"
    with np.load(path, allow_pickle=False) as archive:
        assert all(not archive[name].dtype.hasobject for name in archive.files)


def test_noisy_counts_keep_their_fractions(tmp_path: Path, untrained_dcgan: Untrained) -> None:
    noisy = untrained_dcgan()
    noisy.counts = np.array([20.25, 79.5])
    save_image_generator(noisy, tmp_path / "noisy.npz")
    assert load_image_generator(tmp_path / "noisy.npz").counts.tolist() == [20.25, 79.5]


def test_tables_and_images_are_not_taken_for_each_other(path: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.npz"
    write_archive(table, {"kind": "ctgan", "modality": "tables"}, {})
    with pytest.raises(DataError, match=r"table\.npz holds a generator of tables, not of images"):
        load_image_generator(table)
    for read in (load_generator, read_schema):
        with pytest.raises(DataError, match=r"images\.npz holds a generator of images, not of tables"):
            read(path)


@pytest.mark.parametrize("cut", [0, 10, 200, -1])
def test_a_truncated_file_is_refused(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="cannot be read as a generator's file"):
        load_image_generator(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda meta, arrays: meta.pop("size"), "damaged"),
        (lambda meta, arrays: meta.update(counts=[1, 2, 3]), "damaged"),
        (lambda meta, arrays: meta.update(counts=[0, 0]), "damaged"),
        (lambda meta, arrays: meta["document"]["settings"].update(colours=3), "damaged"),
        (lambda meta, arrays: arrays.pop("weight_001"), "lacks weights"),
        (lambda meta, arrays: arrays["weight_001"].fill(np.nan), "not finite"),
        (lambda meta, arrays: meta.update({"kind": "other", "class": "os:system"}), "no generator of images"),
        (lambda meta, arrays: meta.update(format="tff_health.generator/99"), "version"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    path: Path, change: Callable[[Mapping[str, Any], Any], Any], said: str
) -> None:
    rewritten(path, change)
    with pytest.raises(DataError, match=said):
        load_image_generator(path)


def test_weights_of_another_network_are_refused(path: Path) -> None:
    rewritten(path, lambda meta, arrays: meta["document"]["settings"].update(latent_dim=5))
    with pytest.raises(DataError, match="not those of its network"):
        load_image_generator(path).sample(1, seed=1)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "foreign.npz", weights=np.zeros(3))
    with pytest.raises(DataError, match="no generator"):
        load_image_generator(tmp_path / "foreign.npz")
    with pytest.raises(DataError, match="no such file"):
        load_image_generator(tmp_path / "nothing.npz")
