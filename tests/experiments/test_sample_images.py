"""The command `sample` with a generator of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tff_health.experiments.command_line import main
from tff_health.synthesis.images.dcgan_generator import DcganGenerator
from tff_health.synthesis.images.generator_file import save_image_generator

Untrained = Callable[..., DcganGenerator]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, untrained_dcgan: Untrained) -> str:
    path = tmp_path_factory.mktemp("model") / "dcgan.npz"
    save_image_generator(untrained_dcgan(), path, {"privacy": {"label": "no guarantee per patient", "epsilon": None}})
    return str(path)


def test_it_writes_grey_levels_and_classes_that_repeat(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], untrained_dcgan: Untrained
) -> None:
    drawn = untrained_dcgan().sample(40, seed=5)
    for name in ("a.npz", "b.npz"):
        assert main(["sample", model, "--rows", "40", "--seed", "5", "--out", str(tmp_path / name)]) == 0
        with np.load(tmp_path / name, allow_pickle=False) as archive:
            assert archive["images"].dtype == np.uint8
            back = archive["images"].astype(np.float64) / 127.5 - 1
            assert np.abs(back - drawn.pixels[..., 0]).max() <= 0.5 / 127.5 + 1e-6
            np.testing.assert_array_equal(archive["labels"], drawn.labels)
            assert tuple(archive["classes"]) == ("normal", "pneumonia")
    said = capsys.readouterr()
    assert "40 synthetic images in" in said.out
    assert "these images may tell of the patients" in said.err


@pytest.mark.parametrize(("asked", "label"), [("pneumonia", 1), ("Normal", 0), ("1", 1)])
def test_a_class_is_asked_for_by_name_or_number(model: str, tmp_path: Path, asked: str, label: int) -> None:
    out = tmp_path / "images.npz"
    assert main(["sample", model, "--rows", "9", "--where", f"class={asked}", "--out", str(out)]) == 0
    with np.load(out) as archive:
        assert archive["labels"].tolist() == [label] * 9


def test_a_picture_shows_every_image(model: str, tmp_path: Path, untrained_dcgan: Untrained) -> None:
    out = tmp_path / "deep" / "grid.png"
    assert main(["sample", model, "--rows", "7", "--seed", "3", "--out", str(out)]) == 0
    picture = np.array(Image.open(out))
    # Seven images of 8 x 8 pixels, two pixels apart: three columns, three rows.
    assert picture.shape == (28, 28)
    drawn = untrained_dcgan().sample(7, seed=3).pixels[..., 0]
    for place in range(7):
        top, left = 10 * (place // 3), 10 * (place % 3)
        shown = picture[top : top + 8, left : left + 8] / 127.5 - 1
        assert np.abs(shown - drawn[place]).max() <= 0.5 / 127.5 + 1e-6
    assert (picture[20:, 10:] == 255).all()


def test_a_generator_without_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], untrained_dcgan: Untrained
) -> None:
    path, out = tmp_path / "plain.npz", tmp_path / "images.npz"
    save_image_generator(untrained_dcgan(conditional=False), path)
    assert main(["sample", str(path), "--rows", "4", "--out", str(out)]) == 0
    with np.load(out) as archive:
        assert archive.files == ["images"]
    assert main(["sample", str(path), "--where", "class=1", "--out", str(out)]) == 2
    assert "without classes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --out a file that ends in .npz"),
        (["--out", "rows.csv"], "give --out a file that ends in .npz"),
        (["--out", "a.npz", "--where", "sex=female"], "none but their class"),
        (["--out", "a.npz", "--where", "class=fracture"], "0 = normal, 1 = pneumonia"),
        (["--out", "a.npz", "--rows", "-1"], "must lie between 0"),
        (["--out", "a.png", "--rows", "0"], "a picture shows 1 to"),
        (["--out", "a.npz", "--labels"], "--labels"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence(
    model: str, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["sample", model, *words]) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
