from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_chest_xrays import picture, write_folder, write_picture

from data.chest_xray_folder import find_folder, patient_of, picture_files, read_picture, read_split
from data.errors import DataError
from data.image_cleaning import resized, square


def read(folder: Path, split: str = "train", size: int = 28, skip_corrupt: bool = False):
    return read_split(folder, split, size, lambda image: resized(square(image), size), skip_corrupt=skip_corrupt)


def test_a_split_is_read_class_by_class(tmp_path):
    train = read(write_folder(tmp_path))
    assert train.images.shape == (36, 28, 28)
    assert train.images.dtype == np.uint8
    assert train.labels.tolist() == [0] * 12 + [1] * 24
    assert train.groups[:2].tolist() == ["IM-0001", "IM-0002"]
    assert len(set(train.groups[12:])) == 12
    assert train.skipped == ()


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person7_virus_12.jpeg", "person7"),
        ("person7_bacteria_30.jpeg", "person7"),
        ("person71_bacteria_30.jpeg", "person71"),
        ("IM-0027-0001.jpeg", "IM-0027"),
        ("IM-0608-0001-0001.jpeg", "IM-0608"),
        ("NORMAL2-IM-1269-0001-0002.jpeg", "NORMAL2-IM-1269"),
        ("somebody.jpeg", "somebody"),
    ],
)
def test_patients_are_read_off_the_names(name, patient):
    assert patient_of(Path("train/NORMAL") / name) == patient


def test_grey_rgb_and_rgba_become_the_same_grey_levels(tmp_path):
    pixels = picture(1)
    paths = []
    for mode in ("L", "RGB", "RGBA"):
        paths.append(tmp_path / f"{mode}.png")
        Image.fromarray(pixels).convert(mode).save(paths[-1])
    for path in paths:
        assert np.array_equal(read_picture(path, 28), pixels)


def test_colours_become_grey_by_their_luminance(tmp_path):
    colours = np.random.default_rng(4).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "colour.png")
    # ITU-R 601-2.
    luminance = colours @ np.array([0.299, 0.587, 0.114])
    assert np.abs(read_picture(tmp_path / "colour.png", 28) - luminance).max() < 1


def test_large_jpegs_are_decoded_smaller_but_never_too_small(tmp_path):
    pixels = picture(2, 1700, 2100)
    small = read_picture(write_picture(tmp_path / "large.jpeg", pixels), 28)
    assert small.shape == (425, 525)
    means = pixels.reshape(425, 4, 525, 4).mean(axis=(1, 3))
    assert np.abs(small - means).mean() < 1.5
    assert read_picture(tmp_path / "large.jpeg", 28, enough=900).shape == (1700, 2100)


def test_other_files_beside_the_pictures_are_passed_over(tmp_path):
    folder = write_folder(tmp_path)
    for name in (".DS_Store", "._IM-0001-0001.jpeg", "notes.txt"):
        (folder / "train" / "NORMAL" / name).write_bytes(b"x")
    assert len(picture_files(folder, "train")) == 36


@pytest.mark.parametrize("keep", [0, 10, 700, -400])
def test_unreadable_files_are_named_or_skipped_on_wish(tmp_path, keep):
    folder = write_folder(tmp_path)
    path = folder / "train" / "NORMAL" / "IM-0003-0001.jpeg"
    path.write_bytes(path.read_bytes()[:keep])
    state = "is empty" if keep == 0 else "is no whole picture"
    with pytest.raises(
        DataError, match=rf"IM-0003-0001\.jpeg {state}; put the original file there, remove it, or"
    ) as e:
        read(folder)
    assert "skip_corrupt = true" in str(e.value)
    rest = read(folder, skip_corrupt=True)
    assert rest.skipped == ("train/NORMAL/IM-0003-0001.jpeg",)
    assert rest.labels.tolist() == [0] * 11 + [1] * 24
    assert "IM-0003" not in rest.groups


def test_text_under_a_picture_s_name_is_unreadable(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "train" / "NORMAL" / "a.jpeg").write_text("not a picture")
    with pytest.raises(DataError, match=r"a\.jpeg is no whole picture"):
        read(folder)


def test_a_class_of_unreadable_files_alone_is_refused(tmp_path):
    folder = write_folder(tmp_path)
    for path in (folder / "test" / "NORMAL").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match="test: no readable picture is left of a class"):
        read(folder, "test", skip_corrupt=True)


def test_sixteen_bits_are_refused_even_where_corrupt_files_are_skipped(tmp_path):
    folder = write_folder(tmp_path)
    Image.fromarray(np.full((90, 90), 3000, np.uint16)).save(folder / "train" / "NORMAL" / "a.png")
    with pytest.raises(DataError, match=r"a\.png has pixels of mode I;16, and 8-bit grey or RGB is accepted; convert"):
        read(folder, skip_corrupt=True)


def test_a_picture_smaller_than_the_size_is_refused(tmp_path):
    folder = write_folder(tmp_path)
    write_picture(folder / "train" / "NORMAL" / "a.jpeg", picture(3, 60, 90))
    with pytest.raises(DataError, match=r"a\.jpeg is 90 x 60 pixels, smaller than the size 64; remove the file or"):
        read(folder, size=64)
    assert len(read(folder, size=28).labels) == 37


def test_missing_and_empty_class_folders_are_named(tmp_path):
    folder = write_folder(tmp_path)
    for path in (folder / "train" / "PNEUMONIA").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"train/PNEUMONIA holds no \.jpeg, \.jpg or \.png file; put the pictures"):
        picture_files(folder, "train")
    (folder / "train" / "PNEUMONIA").rmdir()
    with pytest.raises(DataError, match="train has no folder 'PNEUMONIA'; make it"):
        picture_files(folder, "train")


def test_the_folder_is_looked_for_inside_the_data_folder(tmp_path):
    folder = write_folder(tmp_path)
    assert find_folder(None, tmp_path) == folder
    assert find_folder("chest_xray", tmp_path) == folder
    assert find_folder(str(folder), tmp_path / "elsewhere") == folder
    with pytest.raises(DataError, match=r"there is no folder .*nowhere; name the folder that holds train and test"):
        find_folder("nowhere", tmp_path)
    with pytest.raises(DataError, match="has no folder 'train'; name the folder that holds Kermany's"):
        find_folder("chest_xray/train", tmp_path)
