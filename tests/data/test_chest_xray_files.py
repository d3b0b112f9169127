import hashlib
from pathlib import Path

import numpy as np
import pytest
from small_chest_xrays import archive_arrays, write_archive

from data import chest_xray_files
from data.catalogue import check_dataset, is_present
from data.chest_xray_files import BASE_URL, FINGERPRINT, check, fetch, read_pneumoniamnist, require_file
from data.download import Fingerprint
from data.errors import DataError


def test_the_publisher_is_zenodo():
    # As in MedMNIST's info.py: https://zenodo.org/records/10519652/files/pneumoniamnist.npz
    assert BASE_URL + chest_xray_files.FILE == "https://zenodo.org/records/10519652/files/pneumoniamnist.npz"
    assert Fingerprint(md5="28209eda62fecd6e6a2d98b1501bb15f", size=4170669) == FINGERPRINT


def test_an_archive_is_read_as_it_was_written(tmp_path):
    arrays = archive_arrays()
    splits = read_pneumoniamnist(write_archive(tmp_path), verify=False)
    assert list(splits) == ["train", "val", "test"]
    for split, (images, labels) in splits.items():
        assert np.array_equal(images, arrays[f"{split}_images"])
        assert labels.tolist() == arrays[f"{split}_labels"].ravel().tolist()
        assert labels.dtype == np.int64


def changed(**arrays: np.ndarray | None) -> dict[str, np.ndarray]:
    return {key: array for key, array in {**archive_arrays(), **arrays}.items() if array is not None}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (changed(val_images=None), r"has no array 'val_images' \(it has test_images, test_labels, train_images"),
        (changed(test_labels=None), "has no array 'test_labels'"),
        ({"x": np.zeros(3)}, r"has no array 'train_images' \(it has x\)"),
        (changed(train_images=np.zeros((100, 28, 28))), r"train_images is float64 \[100, 28, 28\], not uint8"),
        (
            changed(train_images=np.zeros((100, 64, 64), np.uint8)),
            r"\[100, 64, 64\], not uint8 \[images, 28, 28\]",
        ),
        (changed(train_images=np.zeros((100, 28, 28, 3), np.uint8)), r"train_images is uint8 \[100, 28, 28, 3\]"),
        (changed(train_images=np.zeros((0, 28, 28), np.uint8)), r"train_images is uint8 \[0, 28, 28\]"),
        (changed(train_images=np.uint8(3)), r"train_images is uint8 \[\]"),
        (changed(train_labels=np.zeros(100, np.uint8)), r"train_labels is uint8 \[100\], not uint8 \[images, 1\]"),
        (changed(train_labels=np.zeros((100, 1))), r"train_labels is float64 \[100, 1\]"),
        (changed(train_labels=np.zeros((99, 1), np.uint8)), "train has 100 images and 99 labels"),
        (changed(val_labels=np.full((14, 1), 2, np.uint8)), "val_labels holds 2, and PneumoniaMNIST only has 0"),
    ],
)
def test_another_content_names_the_array(tmp_path, arrays, message):
    path = write_archive(tmp_path, arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_pneumoniamnist(path, verify=False)
    assert str(path) in str(caught.value)
    assert "fetch" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 3, 100, 5000, -100, -1])
def test_a_file_cut_short(tmp_path, keep):
    path = write_archive(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="is no readable npz archive of plain arrays; it looks cut short"):
        read_pneumoniamnist(path, verify=False)
    with pytest.raises(DataError, match=r"is cut short: .* the published file has 4,170,669; fetch it again"):
        read_pneumoniamnist(path)


@pytest.mark.parametrize("content", [b"not an archive at all", b"\x93NUMPY\x01\x00"])
def test_what_is_no_archive(tmp_path, content):
    path = tmp_path / "pneumoniamnist.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no readable npz archive"):
        read_pneumoniamnist(path, verify=False)


def test_a_single_array_and_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "pneumoniamnist.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="no readable npz archive of plain arrays"):
        read_pneumoniamnist(path, verify=False)
    write_archive(tmp_path, changed(train_images=np.array([{"a": 1}], object)))
    with pytest.raises(DataError, match="no readable npz archive of plain arrays"):
        read_pneumoniamnist(path, verify=False)


def test_a_damaged_member_is_refused(tmp_path):
    path = write_archive(tmp_path)
    content = bytearray(path.read_bytes())
    content[40_000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="cut short or altered"):
        read_pneumoniamnist(path, verify=False)


def test_a_file_with_another_md5_is_refused_by_data_check(tmp_path):
    path = tmp_path / "pneumoniamnist.npz"
    path.write_bytes(bytes(4170669))
    with pytest.raises(DataError, match=r"has MD5 [0-9a-f]{16}\.\.\., the published file 28209eda62fecd6e\.\.\."):
        check_dataset("chest_xray", tmp_path)


def test_a_missing_file_says_how_to_get_it(tmp_path):
    remedy = (
        r"chest_xray needs pneumoniamnist\.npz, which is not in .*; download it with "
        r"`uv run run_experiments\.py data fetch chest_xray`, or name the folder that holds it with --data-dir"
    )
    assert not is_present("chest_xray", tmp_path)
    with pytest.raises(DataError, match=remedy):
        check(tmp_path)
    with pytest.raises(DataError, match="a folder that does not exist"):
        require_file(tmp_path / "nowhere")


@pytest.mark.parametrize("inside", [True, False])
def test_the_named_folder_or_one_inside_it(tmp_path, inside):
    folder = tmp_path / "pneumoniamnist" if inside else tmp_path
    folder.mkdir(exist_ok=True)
    path = write_archive(folder)
    assert require_file(tmp_path) == path
    assert is_present("chest_xray", tmp_path)


def test_fetching_downloads_once_and_replaces_a_damaged_file(tmp_path, monkeypatch):
    content = write_archive(tmp_path).read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(chest_xray_files, "FINGERPRINT", Fingerprint(md5=md5, size=len(content)))
    asked = []

    def download(url: str, target: Path, fingerprint: Fingerprint, progress: object) -> Path:
        asked.append((url, fingerprint.md5))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    monkeypatch.setattr(chest_xray_files, "download", download)
    told = []
    target = tmp_path / "own"
    for damaged in (False, False, True):
        if damaged:
            (target / "pneumoniamnist" / "pneumoniamnist.npz").write_bytes(b"damaged")
        folder = fetch(target, lambda done, total: told.append((done, total)), base_url="http://here/")
        assert folder == target / "pneumoniamnist"
        assert (folder / "pneumoniamnist.npz").read_bytes() == content
    assert asked == [("http://here/pneumoniamnist.npz", md5)] * 2
    assert told[-1] == (len(content), len(content))
