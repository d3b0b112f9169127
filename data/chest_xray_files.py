"""PneumoniaMNIST's one file: where it is, fetching it, whether it is the publisher's, and reading it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.download import Fingerprint, Progress, download
from data.errors import DataError
from data.locations import data_root, dataset_folder

FILE = "pneumoniamnist.npz"
BASE_URL = "https://zenodo.org/records/10519652/files/"

FINGERPRINT = Fingerprint(md5="28209eda62fecd6e6a2d98b1501bb15f", size=4170669)
"""What MedMNIST publishes in its `info.py`."""

SPLITS = ("train", "val", "test")
SIDE = 28

_FOLDER = "pneumoniamnist"
_FETCH = "`uv run run_experiments.py data fetch chest_xray`"

Split = tuple[np.ndarray, np.ndarray]
"""uint8 [images, 28, 28] and int64 [images] of 0 (normal) and 1 (pneumonia)."""


def read_pneumoniamnist(path: Path, *, verify: bool = True) -> Mapping[str, Split]:
    """The images and labels of `train`, `val` and `test`, in the file's order.

    Args:
        path: the file.
        verify: whether it must be the publisher's, byte for byte.

    Raises:
        DataError: the file cannot be read, is not the publisher's, or does not hold what PneumoniaMNIST holds.
    """
    try:
        problem = FINGERPRINT.problem(path) if verify else None
        if problem:
            raise DataError(
                f"{path} {problem}; fetch it again with {_FETCH}, or set verify=false to use an edited copy."
            )
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("one array, no archive")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{path} is no readable npz archive of plain arrays; it looks cut short or altered, so fetch it again "
            f"with {_FETCH}."
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; fetch it again with {_FETCH}.") from error
    return {split: _split(arrays, split, path) for split in SPLITS}


def _split(arrays: Mapping[str, np.ndarray], split: str, path: Path) -> Split:
    pair = []
    for key, cell, layout in ((f"{split}_images", (SIDE, SIDE), "28, 28"), (f"{split}_labels", (1,), "1")):
        if key not in arrays:
            raise DataError(
                f"{path} has no array {key!r} (it has {', '.join(sorted(arrays)[:6]) or 'none'}); PneumoniaMNIST's "
                f"file has images and labels of train, val and test, so fetch it with {_FETCH}."
            )
        array = arrays[key]
        if array.dtype != np.uint8 or array.shape[1:] != cell or not len(array):
            raise DataError(
                f"{path}: {key} is {array.dtype} {list(array.shape)}, not uint8 [images, {layout}]; the 28 x 28 file "
                f"of PneumoniaMNIST is needed, so fetch it with {_FETCH}."
            )
        pair.append(array)
    images, labels = pair[0], pair[1][:, 0].astype(np.int64)
    if len(images) != len(labels):
        raise DataError(
            f"{path}: {split} has {len(images):,} images and {len(labels):,} labels; fetch it with {_FETCH}."
        )
    if (wrong := labels[labels > 1]).size:
        raise DataError(
            f"{path}: {split}_labels holds {wrong[0]}, and PneumoniaMNIST only has 0 (normal) and 1 (pneumonia); "
            f"correct it, or fetch it with {_FETCH}."
        )
    return images, labels


def is_present(data_dir: Path | None = None) -> bool:
    """Whether the file is there; its content is not looked at."""
    return (_folder(data_dir) / FILE).is_file()


def check(data_dir: Path | None = None) -> tuple[str, ...]:
    """Compares the file with the publisher's.

    Returns:
        One sentence.

    Raises:
        DataError: the file is missing or is not the publisher's.
    """
    path = require_file(data_dir)
    splits = read_pneumoniamnist(path)
    counts = ", ".join(f"{len(labels):,} {split}" for split, (_, labels) in splits.items())
    return (f"{path} is MedMNIST's file: {counts} images.",)


def fetch(target_dir: Path | None = None, progress: Progress | None = None, *, base_url: str = BASE_URL) -> Path:
    """Downloads the file where it is not there yet or is damaged, and verifies it.

    Args:
        target_dir: folder to make `pneumoniamnist` in; where it is None, `data_root` decides.
        progress: called with (bytes done, bytes in all).
        base_url: where the file lies, ending in "/".

    Returns:
        The folder that holds the file.

    Raises:
        DataError: the download failed.
    """
    folder = _folder(target_dir)
    path = folder / FILE
    try:
        whole = FINGERPRINT.problem(path) is None
    except OSError:
        whole = False
    if not whole:
        download(base_url + FILE, path, FINGERPRINT, progress)
    if progress:
        progress(FINGERPRINT.size or 0, FINGERPRINT.size)
    return folder


def require_file(data_dir: Path | None) -> Path:
    """The file's path.

    Raises:
        DataError: it is not there; says how to get it.
    """
    path = _folder(data_dir) / FILE
    if not path.is_file():
        root = data_root(data_dir)
        where = f"in {path.parent}" if root.is_dir() else f"in {root}, a folder that does not exist"
        raise DataError(
            f"chest_xray needs {FILE}, which is not {where}; download it with {_FETCH}, or name the folder that "
            "holds it with --data-dir."
        )
    return path


def _folder(data_dir: Path | None) -> Path:
    return dataset_folder(_FOLDER, (FILE,), data_dir)
