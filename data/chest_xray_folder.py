"""Kermany's chest X-rays as JPEGs in their original folders: `train|test|val/NORMAL|PNEUMONIA/*.jpeg`.

The pictures come in all sizes, most grey and some RGB; `personN_virus_M` and `personN_bacteria_M` name patient N.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data.errors import DataError
from data.locations import data_root

CLASS_FOLDERS = ("NORMAL", "PNEUMONIA")
"""Folder names of the classes 0 and 1."""

DEFAULT_FOLDER = "chest_xray"

_SUFFIXES = {".jpeg", ".jpg", ".png"}
# Kermany's numbers go by patient for pneumonia; normal pictures of one examination share the number after IM.
_PATIENT = re.compile(r"(person\d+)_|((?:NORMAL\d+-)?IM-\d+)-")


@dataclass(frozen=True)
class FolderImages:
    """The pictures of one of train, test and val.

    Attributes:
        images: uint8 [images, size, size].
        labels: int64 [images].
        groups: str [images]: the patient or examination by the file's name, else the file's own name.
        skipped: files that could not be read, by their path inside the folder.
    """

    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    skipped: tuple[str, ...]


def find_folder(folder: str | None, data_dir: Path | None) -> Path:
    """The folder with Kermany's layout; a relative path starts in the folder of data files.

    Raises:
        DataError: there is no such folder, or no train or test in it.
    """
    path = data_root(data_dir) / Path(folder or DEFAULT_FOLDER).expanduser()
    if not path.is_dir():
        raise DataError(
            f"chest_xray: there is no folder {path}; name the folder that holds train and test with the option "
            "folder, as a full path or inside --data-dir."
        )
    for split in ("train", "test"):
        if not (path / split).is_dir():
            raise DataError(f"{path} has no folder {split!r}; name the folder that holds Kermany's train and test.")
    return path


def picture_files(folder: Path, split: str) -> list[tuple[Path, int]]:
    """The files of one split with their classes, by class and name.

    Raises:
        DataError: a class's folder is missing or holds no picture.
    """
    found = []
    for label, name in enumerate(CLASS_FOLDERS):
        inside = folder / split / name
        if not inside.is_dir():
            raise DataError(
                f"{folder / split} has no folder {name!r}; make it and put the pictures of that class there."
            )
        # Names with a dot in front are what macOS leaves in archives.
        names = sorted(
            path for path in inside.iterdir() if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
        )
        if not names:
            raise DataError(f"{inside} holds no .jpeg, .jpg or .png file; put the pictures of that class there.")
        found += [(path, label) for path in names]
    return found


def read_split(
    folder: Path, split: str, size: int, prepare: Callable[[np.ndarray], np.ndarray], *, skip_corrupt: bool
) -> FolderImages:
    """All pictures of one split.

    Args:
        folder: with `train`, `test` and perhaps `val`.
        split: which of them.
        size: pixels along each side; no picture may be smaller.
        prepare: uint8 [height, width] to uint8 [size, size].
        skip_corrupt: whether unreadable files are left out rather than refused.

    Raises:
        DataError: a folder is missing or empty, or a picture cannot be used; see `read_picture`.
    """
    images, labels, groups, skipped = [], [], [], []
    for path, label in picture_files(folder, split):
        try:
            image = read_picture(path, size)
        except UnreadablePictureError:
            if not skip_corrupt:
                raise
            skipped.append(str(path.relative_to(folder)))
            continue
        images.append(prepare(image))
        labels.append(label)
        groups.append(patient_of(path))
    if len(set(labels)) < len(CLASS_FOLDERS):
        raise DataError(f"{folder / split}: no readable picture is left of a class; put whole files there.")
    return FolderImages(np.stack(images), np.array(labels, np.int64), np.array(groups), tuple(skipped))


class UnreadablePictureError(DataError):
    """A picture's file is empty, cut short, or no picture at all."""


def read_picture(path: Path, size: int, enough: int = 400) -> np.ndarray:
    """One picture as grey levels.

    Accepted are 8-bit grey and RGB(A) pictures; RGB becomes grey by its luminance. Pictures of 16 bits are refused:
    which of their levels should be black and white is the window that the radiologist chose, and the file does not
    say it.

    Args:
        path: a JPEG or PNG file.
        size: fewest pixels accepted along each side.
        enough: pixels of the shorter side from which on a JPEG may be decoded at half, a quarter or an eighth of
            its resolution, which is several times as fast.

    Returns:
        uint8 [height, width].

    Raises:
        UnreadablePictureError: the file is empty, cut short, or no picture.
        DataError: the picture is too small or has another kind of pixels.
    """
    try:
        with Image.open(path) as picture:
            mode, (width, height) = picture.mode, picture.size
            if min(width, height) < size:
                raise DataError(
                    f"{path} is {width} x {height} pixels, smaller than the size {size}; remove the file or choose a "
                    "smaller size."
                )
            if mode not in ("L", "RGB", "RGBA"):
                raise DataError(
                    f"{path} has pixels of mode {mode}, and 8-bit grey or RGB is accepted; convert it to 8 bits with "
                    "the window that it is read with."
                )
            picture.draft("L", (enough, enough))
            return np.array(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        state = "is empty" if path.is_file() and not path.stat().st_size else "is no whole picture"
        raise UnreadablePictureError(
            f"{path} {state}; put the original file there, remove it, or set skip_corrupt = true to leave such files "
            "out."
        ) from error


def patient_of(path: Path) -> str:
    """The patient or examination that Kermany's file name tells, else the file's own name."""
    found = _PATIENT.match(path.name)
    return (found[1] or found[2]) if found else path.stem
