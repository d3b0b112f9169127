"""A fitted generator as one file: plain arrays and JSON in an .npz, read back without pickle.

The file holds the schema, what the generator was fitted to and its weights or counts; never a row. The number of rows
of a table is as public here as everywhere in the project.
"""

from __future__ import annotations

import contextlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import DataError
from data.named import load_named
from data.schema import Column, Schema
from tff_health.synthesis.generator import TableGenerator

FORMAT = "tff_health.generator/1"
_META = "generator.json"
GENERATORS: dict[str, str] = {
    "ctgan": "tff_health.synthesis.ctgan_generator:CtganGenerator",
    "independent-marginals": "tff_health.synthesis.marginals.independent_marginals:IndependentMarginalsGenerator",
    "label-histograms": "tff_health.synthesis.marginals.label_histograms:LabelHistogramsGenerator",
    "label-effects": "tff_health.synthesis.marginals.label_effects:LabelEffectsGenerator",
    "marginal-tree": "tff_health.synthesis.marginals.marginal_tree:MarginalTreeGenerator",
}


# What NumPy and zipfile raise on damaged bytes; a damaged header may ask for a password or a compression of its own.
_UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


def save_generator(generator: TableGenerator, path: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Writes the file, whole or not at all.

    Args:
        generator: fitted.
        path: ends in `.npz`.
        facts: plain values for readers of the file, such as its privacy statement.

    Raises:
        DataError: the file cannot be written.
    """
    cls = type(generator)
    target = GENERATORS.get(generator.kind, f"{cls.__module__}:{cls.__qualname__}")
    meta = {
        "format": FORMAT,
        "kind": generator.kind,
        "class": target,
        "schema": schema_document(generator.schema),
        "document": generator.document(),
        "facts": dict(facts or {}),
    }
    arrays = {name: np.asarray(values) for name, values in generator.arrays().items()}
    if any(values.dtype.hasobject for values in arrays.values()):
        raise TypeError(f"{generator.kind} hands out an array of objects; a file holds numbers only")
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez_compressed(file, **{_META: text}, **arrays)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # what stands in the way may be the folder itself
            partial.unlink()
        raise DataError(f"{path} cannot be written ({error.strerror}); choose another place.") from error


def load_generator(path: Path) -> TableGenerator:
    """The generator of a file.

    A generator of a user's own class is found by `module:class`, which must be importable; nothing else in a file is
    ever executed.

    Raises:
        DataError: no such file, a truncated or damaged one, or no generator's.
    """
    meta, arrays = _read(path)
    kind = str(meta.get("kind"))
    cls = load_named("generator", GENERATORS.get(kind, str(meta.get("class"))))
    if not (isinstance(cls, type) and issubclass(cls, TableGenerator)):
        raise DataError(f"{path} names a class that is no generator of tables; make the file again.")
    try:
        return cls.from_parts(schema_of(meta["schema"]), meta["document"], arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path} is damaged ({type(error).__name__}: {error}); make the file again.") from error


def read_schema(path: Path) -> Schema:
    """The schema of a saved generator's rows; errors as in `load_generator`."""
    try:
        return schema_of(_read(path)[0]["schema"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged ({type(error).__name__}: {error}); make the file again.") from error


def read_facts(path: Path) -> dict[str, Any]:
    """The facts that were saved with a generator."""
    return dict(_read(path)[0].get("facts", {}))


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


def schema_document(schema: Schema) -> dict[str, Any]:
    """The schema as plain JSON values; codes keep their types as pairs of code and label."""
    columns = []
    for column in schema.columns:
        fields = asdict(column)
        fields["codebook"] = [[code, label] for code, label in column.codebook.items()]
        columns.append(fields)
    return {"target": schema.target, "columns": columns}


def schema_of(document: Mapping[str, Any]) -> Schema:
    """The schema that `schema_document` wrote."""
    columns = []
    for fields in document["columns"]:
        codebook = dict(fields["codebook"])
        bounds = tuple(fields["bounds"]) if fields["bounds"] is not None else None
        codes = tuple(fields["missing_codes"])
        columns.append(Column(**{**fields, "codebook": codebook, "bounds": bounds, "missing_codes": codes}))
    return Schema(tuple(columns), document["target"])
