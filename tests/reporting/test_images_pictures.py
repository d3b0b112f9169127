"""Pictures of a run folder: read without pickle, refused in a sentence where they are not what they should be."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import pytest
from images_example import ARMS, CLASSES, SIZE, arm_pictures, write_images_run
from PIL import Image

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting.atomic import ReportError
from tff_health.reporting.figures.image_tiles import TileBlock, tile_figure, tiled
from tff_health.reporting.figures.registry import DrawnFigure, draw, registered_figures
from tff_health.reporting.images.pictures import read_pictures
from tff_health.reporting.record import load_run


def _draw(name: str, folder: Path) -> DrawnFigure:
    found = draw(
        next(figure for figure in registered_figures() if figure.name == name), load_run(folder).record("chest_xray")
    )
    assert found is not None, name
    return found


def _save(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "a.npz", **arrays)  # type: ignore[arg-type]
    return folder


def test_arrays_come_back_as_they_were_written(tmp_path: Path):
    write_images_run(tmp_path)
    for name in ARMS:
        found = load_run(tmp_path).record("chest_xray").pictures(f"pictures/{name}.npz")
        written = arm_pictures(name)
        assert found.keys() == written.keys()
        assert all((found[key] == written[key]).all() for key in written)
    assert load_run(tmp_path).record("chest_xray").pictures("") == {}


def test_unknown_arrays_are_left_out(tmp_path: Path):
    found = read_pictures(_save(tmp_path, mine=np.zeros(3), samples=np.zeros((2, 1, 4, 4), np.uint8)), "a.npz")
    assert list(found) == ["samples"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"samples": np.zeros((2, 1, 4, 4))}, r"array 'samples' holds float64 on 4 axes where grey values \(uint8\)"),
        ({"samples": np.zeros((1, 4, 4), np.uint8)}, "on 3 axes where grey values"),
        ({"nearest_real": np.zeros((1, 4, 4), np.uint8)}, "not as many entries in nearest_real as in nearest_samples"),
        ({"cleaning_before": np.zeros((1, 4, 4), np.uint8)}, "not as many entries in cleaning_before"),
        ({"training_updates": np.arange(3)}, "not as many entries in training_updates as in training"),
        ({"training": np.zeros((1, 2, 1, 4, 4), np.uint8), "training_updates": np.array(["a"])}, "where numbers on 1"),
        ({"samples": np.array([{}], dtype=object)}, "cannot be read as a NumPy archive"),
    ],
)
def test_what_is_not_as_promised_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str):
    with pytest.raises(ReportError, match=words) as caught:
        read_pictures(_save(tmp_path, **arrays), "a.npz")
    assert "restore" in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path):
    with pytest.raises(ReportError, match=r"a\.npz is missing from the run folder"):
        read_pictures(tmp_path, "a.npz")
    with pytest.raises(ReportError, match=r"\.\./a\.npz is named by results\.json but lies outside"):
        read_pictures(tmp_path, "../a.npz")
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 no archive at all")
    with pytest.raises(ReportError, match=r"a\.npz cannot be read"):
        read_pictures(tmp_path, "a.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ReportError, match=r"one\.npy cannot be read as a NumPy archive"):
        read_pictures(tmp_path, "one.npy")
    whole = (_save(tmp_path, samples=np.zeros((2, 9, 28, 28), np.uint8)) / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReportError, match=r"a\.npz cannot be read"):
        read_pictures(tmp_path, "a.npz")


def test_a_missing_file_costs_its_own_pictures_only(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_images_run(tmp_path)
    whole = _draw("images-real-synthetic", tmp_path)
    (tmp_path / "pictures" / "private-dcgan-eps3.npz").unlink()
    less = _draw("images-real-synthetic", tmp_path)
    assert not less.failure
    assert less.svg != whole.svg
    assert (
        "Missing here: Private DCGAN, epsilon 3 (patient level): pictures/private-dcgan-eps3.npz is mi" in less.caption
    )
    for name in ARMS:
        (tmp_path / "pictures" / f"{name}.npz").unlink(missing_ok=True)
    for name in ("images-nearest", "images-training"):
        assert "pictures/dcgan.npz is missing from the run folder: restore the file" in _draw(name, tmp_path).failure
    (tmp_path / "pictures" / "real.npz").write_bytes(b"")
    with caplog.at_level(logging.ERROR):
        assert _draw("images-cleaning", tmp_path).failure.startswith("pictures/real.npz cannot be read")
        assert _draw("images-real-synthetic", tmp_path).failure.startswith("pictures/real.npz cannot be read")
    # A file that a user lost is no fault of the figure's: no stack of calls in the log.
    assert caplog.records == []


def test_pictures_of_other_classes_are_refused(tmp_path: Path):
    write_images_run(tmp_path)
    arrays = arm_pictures("dcgan")
    arrays["samples"] = np.concatenate([arrays["samples"]] * 2)
    np.savez(tmp_path / "pictures" / "dcgan.npz", **arrays)  # type: ignore[arg-type]
    assert "has samples of 4 classes where the dataset has 2" in _draw("images-real-synthetic", tmp_path).failure


def test_generators_without_classes_and_unshown_training_images_are_drawn(tmp_path: Path):
    write_images_run(tmp_path)
    whole = {name: _draw(name, tmp_path) for name in ("images-real-synthetic", "images-training", "images-nearest")}
    for name in ARMS:
        arrays = arm_pictures(name)
        arrays["samples"], arrays["training"] = arrays["samples"][:1], arrays["training"][:, :1]
        del arrays["nearest_real"]
        np.savez(tmp_path / "pictures" / f"{name}.npz", **arrays)  # type: ignore[arg-type]
    for name, before in whole.items():
        after = _draw(name, tmp_path)
        assert not after.failure
        heights = [Image.open(io.BytesIO(one.png)).height for one in (before, after)]
        assert heights[1] < heights[0] or name == "images-training"
    assert "6 images each of any class" in _draw("images-training", tmp_path).caption


def test_tiles_are_the_pictures_with_white_between_them():
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 255, (2, 3, SIZE, SIZE)).astype(np.uint8)
    whole = tiled(rows, breaks=[2])
    gap = SIZE // 14
    assert whole.shape == (2 * SIZE + gap, 3 * SIZE + gap + 4 * gap)
    assert (whole[:SIZE, :SIZE] == rows[0, 0]).all()
    assert (whole[SIZE + gap :, SIZE + gap : 2 * SIZE + gap] == rows[1, 1]).all()
    assert (whole[:SIZE, -SIZE:] == rows[0, 2]).all()
    assert (whole[SIZE : SIZE + gap] == 255).all()


def test_blocks_stand_below_each_other_in_one_scale():
    large, small = np.zeros((1, 4, 40, 40), np.uint8), np.zeros((1, 4, 30, 30), np.uint8)
    figure = tile_figure([TileBlock("A", large, ["x"], under=["1"] * 4), TileBlock("", small, list(CLASSES[:1]))])
    upper, lower = (axes.get_position() for axes in figure.axes)
    assert lower.y1 < upper.y0
    assert lower.x0 == upper.x0 > 0.02
    assert lower.height / upper.height == pytest.approx(30 / 40)
    assert upper.y1 < 1
    assert upper.x1 < 1
    assert lower.y0 > 0
