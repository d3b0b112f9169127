"""The file of a fitted generator, whatever it generates: plain arrays and JSON in an .npz, read back without pickle."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data.errors import DataError, clip
from data.named import load_named
from data.whole_file import write_whole
from tff_health.runtime.npz import npz_bytes

FORMAT = "tff_health.generator/1"
_META = "generator.json"
Modality = Literal["tables", "images"]

# What NumPy and zipfile raise on damaged bytes; a damaged header may ask for a password or a compression of its own.
_UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


def write_archive(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the file, whole or not at all.

    Args:
        path: ends in `.npz`.
        meta: plain JSON values: `kind`, `modality` and what else the modality needs.
        arrays: numeric.

    Raises:
        DataError: the file cannot be written.
        TypeError: an array of objects.
    """
    arrays = {name: np.asarray(values) for name, values in arrays.items()}
    if any(values.dtype.hasobject for values in arrays.values()):
        raise TypeError(f"{meta['kind']} hands out an array of objects; a file holds numbers only")
    text = np.frombuffer(json.dumps({"format": FORMAT, **meta}).encode(), np.uint8)
    write_whole(path, npz_bytes({_META: text, **arrays}))


def read_archive(path: Path, modality: Modality) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write_archive` wrote.

    Raises:
        DataError: no such file, a truncated or damaged one, no generator's, or one of another modality.
    """
    meta, arrays = _read(path)
    if _modality(meta) != modality:
        raise DataError(f"{path} holds a generator of {clip(_modality(meta))}, not of {modality}; choose another file.")
    return meta, arrays


def read_modality(path: Path) -> str:
    """What the generator of a file makes: `tables` or `images`; errors as in `read_archive`."""
    return _modality(_read(path)[0])


def read_facts(path: Path) -> dict[str, Any]:
    """The facts that were saved with a generator; errors as in `read_archive`."""
    facts = _read(path)[0].get("facts")
    return dict(facts) if isinstance(facts, dict) else {}


def class_name(generator: Any, known: Mapping[str, str]) -> str:
    """`module:class` of a generator, by which a file names a class that `known` has not."""
    cls = type(generator)
    return known.get(generator.kind, f"{cls.__module__}:{cls.__qualname__}")


def named_class(path: Path, meta: Mapping[str, Any], known: Mapping[str, str], base: type, modality: Modality) -> Any:
    """The class of a file's generator.

    Args:
        path: for the message.
        meta: of the file.
        known: `module:class` by kind.
        base: what the class must derive from.
        modality: for the message.

    Raises:
        DataError: it names a class that is none.
        UnknownNameError: it names one that cannot be found.
    """
    cls = load_named("generator", known.get(str(meta.get("kind")), str(meta.get("class"))))
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise DataError(f"{path} names a class that is no generator of {modality}; make the file again.")
    return cls


def damaged(path: Path, error: Exception) -> DataError:
    """The error for a file whose parts do not fit together."""
    return DataError(f"{path} is damaged ({type(error).__name__}: {error}); make the file again.")


def _modality(meta: Mapping[str, Any]) -> str:
    return str(meta.get("modality", "tables"))  # files of tables did not say so at first


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            if _META not in archive.files:
                raise DataError(f"{path} is no generator's file; `run` writes them into its folder's model/.")
            meta = json.loads(archive[_META].tobytes().decode())
            arrays = {name: archive[name] for name in archive.files if name != _META}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `run ctgan` writes generators into its folder's model/.") from None
    except _UNREADABLE as error:
        raise DataError(f"{path} cannot be read as a generator's file; copy it again or make it again.") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise DataError(f"{path} is no generator's file of this version ({FORMAT}); make it again.")
    return meta, arrays
