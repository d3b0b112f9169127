"""The four files of UCI Heart Disease: where they are, fetching them, and whether they are UCI's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from data.csv_rows import read_csv_rows
from data.dataset_settings import CENTRES
from data.download import Fingerprint, Progress, download
from data.errors import DataError
from data.heart_disease_schema import RAW_COLUMNS
from data.locations import data_root, dataset_folder

BASE_URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/heart-disease/"

FINGERPRINTS: Mapping[str, Fingerprint] = {
    "cleveland": Fingerprint("a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8", size=18461),
    "hungarian": Fingerprint("d1ad108f785768cd3d7e82dc522e6f5a61eea93cccfb3a46ee8076f73fc3d796", size=10263),
    "switzerland": Fingerprint("834a405ccf5b66ab4056bb77794adc8df0b7125186454c0a1d002d33c6c3b314", size=4109),
    "va": Fingerprint("e7c93d8d0d2acdadfa4c5e8de768e2191e7f618b952e29623f1f0d5949ff6b8f", size=6737),
}

_FETCH = "`uv run run_experiments.py data fetch heart_disease`"


def read_centre(path: Path, centre: str, *, verify: bool = True) -> pd.DataFrame:
    """One centre's file as text cells under `RAW_COLUMNS`, missing cells as NaN.

    Args:
        path: the processed file.
        centre: one of `CENTRES`.
        verify: whether the file must be UCI's, byte for byte.

    Raises:
        DataError: the file cannot be read, is not UCI's, or is no table of fourteen columns.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    problem = FINGERPRINTS[centre].problem(content) if verify else None
    if problem:
        raise DataError(f"{path} {problem}; fetch it again with {_FETCH}, or set verify=false to use an edited copy.")
    return read_csv_rows(content, str(path), header=RAW_COLUMNS)


def is_present(data_dir: Path | None = None) -> bool:
    """Whether all four files are there; their content is not looked at."""
    folder = _folder(data_dir)
    return all((folder / centre_file(centre)).is_file() for centre in CENTRES)


def check(data_dir: Path | None = None) -> tuple[str, ...]:
    """Compares the four files with UCI's.

    Returns:
        One sentence a file.

    Raises:
        DataError: a file is missing or is not UCI's.
    """
    folder = require_files(data_dir, CENTRES)
    sentences = []
    for centre in CENTRES:
        path = folder / centre_file(centre)
        rows = len(read_centre(path, centre))
        sentences.append(f"{path} is UCI's file: {rows} rows.")
    return tuple(sentences)


def fetch(target_dir: Path | None = None, progress: Progress | None = None, *, base_url: str = BASE_URL) -> Path:
    """Downloads the files that are not there yet or are damaged, and verifies each.

    Args:
        target_dir: folder to make `heart_disease` in; where it is None, `data_root` decides.
        progress: called with (bytes done, bytes in all) over all four files.
        base_url: where the files lie, ending in "/".

    Returns:
        The folder that holds the four files.

    Raises:
        DataError: a download failed; files that had arrived whole are kept.
    """
    folder = _folder(target_dir)
    total = sum(fingerprint.size or 0 for fingerprint in FINGERPRINTS.values())
    done = 0
    for centre in CENTRES:
        path, fingerprint = folder / centre_file(centre), FINGERPRINTS[centre]
        if not _is_whole(path, fingerprint):
            download(base_url + path.name, path, fingerprint, _shifted(progress, done, total))
        done += fingerprint.size or 0
        if progress:
            progress(done, total)
    return folder


def _shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    """The progress of one file as progress of all."""
    return None if progress is None else lambda received, _: progress(done + received, total)


def _is_whole(path: Path, fingerprint: Fingerprint) -> bool:
    try:
        return fingerprint.problem(path) is None
    except OSError:
        return False


def centre_file(centre: str) -> str:
    """The name of one centre's file."""
    return f"processed.{centre}.data"


def _folder(data_dir: Path | None) -> Path:
    return dataset_folder("heart_disease", map(centre_file, CENTRES), data_dir)


def require_files(data_dir: Path | None, centres: tuple[str, ...]) -> Path:
    """The folder that holds the files of these centres.

    Raises:
        DataError: one of them is not there; says how to get it.
    """
    folder = _folder(data_dir)
    for centre in centres:
        if not (folder / centre_file(centre)).is_file():
            root = data_root(data_dir)
            where = f"in {folder}" if root.is_dir() else f"in {root}, a folder that does not exist"
            raise DataError(
                f"heart_disease needs {centre_file(centre)}, which is not {where}; download it with "
                f"{_FETCH}, or name the folder that holds it with --data-dir."
            )
    return folder
