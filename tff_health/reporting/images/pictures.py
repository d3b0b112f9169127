"""Pictures of a run folder: grey values in NumPy archives, read without pickle."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from tff_health.reporting.atomic import ReportError

_AXES = {
    "samples": 4,
    "training": 5,
    "training_updates": 1,
    "nearest_samples": 3,
    "nearest_real": 3,
    "nearest_psnr": 1,
    "cleaning_before": 3,
    "cleaning_after": 3,
}
"""Array -> number of its axes; `tff_health.reporting.images_document` says which they are."""
# As many of the first as of the second, which cannot be missing where the first is there.
_ALIKE = (
    ("nearest_real", "nearest_samples"),
    ("nearest_psnr", "nearest_samples"),
    ("training_updates", "training"),
    ("cleaning_before", "cleaning_after"),
    ("cleaning_after", "cleaning_before"),
)
_NUMBERS = ("training_updates", "nearest_psnr")


def read_pictures(folder: Path, file: str) -> dict[str, np.ndarray]:
    """The arrays of one archive, by name; those of unknown names are left out.

    Args:
        folder: the run folder.
        file: path below it.

    Raises:
        ReportError: the file is missing, lies outside the folder, is no such archive, or an array is not what its name
            promises.
    """
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ReportError(f"{file} is named by results.json but lies outside the run folder: restore results.json.")
    if not path.is_file():
        raise ReportError(f"{file} is missing from the run folder: restore the file or run again.")
    if not zipfile.is_zipfile(path):
        raise ReportError(f"{file} cannot be read as a NumPy archive (.npz), or is damaged: restore it or run again.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in _AXES if name in archive.files}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ReportError(f"{file} cannot be read as a NumPy archive ({error}): restore it or run again.") from error
    for name, array in found.items():
        _check(file, name, array)
    for name, other in _ALIKE:
        if name in found and len(found[name]) != len(found.get(other, ())):
            raise ReportError(f"{file} has not as many entries in {name} as in {other}: restore it or run again.")
    return found


def _check(file: str, name: str, array: np.ndarray) -> None:
    numbers = name in _NUMBERS
    fits = np.issubdtype(array.dtype, np.number) if numbers else array.dtype == np.uint8
    if array.ndim == _AXES[name] and fits:
        return
    wanted = "numbers" if numbers else "grey values (uint8)"
    axes = "axis" if _AXES[name] == 1 else "axes"
    raise ReportError(
        f"{file}, array {name!r} holds {array.dtype} on {array.ndim} axes where {wanted} on {_AXES[name]} {axes} "
        "belong: restore the file or run again."
    )
