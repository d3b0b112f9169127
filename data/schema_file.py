"""A schema as a TOML file that people write, or confirm.

```toml
title = "Heart clinics of three towns"
source = "registry extract of 2025"
licence = "internal"
target = "outcome"
confirmed = true

[columns.age]
kind = "integer"
bounds = [0, 120]
unit = "years"
quasi_identifier = true

[columns.outcome]
kind = "binary"
codes = [[0, "well"], [1, "ill"]]
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import DataError, clip, nearest_name
from data.schema import Column, Schema

_HEAD = ("title", "source", "licence", "target", "confirmed", "columns")
_FIELDS = ("kind", "bounds", "codes", "unit", "description", "quasi_identifier", "missing_codes")
_KINDS = ("continuous", "integer", "binary", "categorical")


@dataclass(frozen=True)
class SchemaFile:
    """What a schema's file says.

    Attributes:
        schema: of the columns.
        title: of the data, for people.
        source: where the rows come from, citable.
        licence: the data's licence.
        confirmed: whether somebody vouches that bounds and codes are public knowledge, not read off patients.
    """

    schema: Schema
    title: str
    source: str
    licence: str
    confirmed: bool


def read_schema_file(path: Path) -> SchemaFile:
    """Reads a schema's file.

    Raises:
        DataError: the file is missing, is no TOML, or says something that no schema can be; names the column.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise DataError(
            f"there is no schema {path}; draft one with `uv run run_experiments.py data describe {path.parent}`."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} cannot be read as TOML: {clip(str(error), 200)}.") from error
    return described_by(document, path)


def described_by(document: Mapping[str, Any], path: Path) -> SchemaFile:
    """What a parsed schema file says.

    Args:
        document: the file's tables.
        path: of the file, for messages.

    Raises:
        DataError: it says something that no schema can be; names the column.
    """
    _check_keys(path, "", document, _HEAD)
    columns = document.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise DataError(f"{path} names no columns; give each a table such as [columns.age].")
    target = document.get("target")
    if not isinstance(target, str) or target not in columns:
        raise DataError(f"{path}: target must name one of the columns {', '.join(map(repr, columns))}.")
    try:
        schema = Schema(tuple(_column(path, name, fields) for name, fields in columns.items()), target)
    except (ValueError, OverflowError) as error:  # TOML's whole numbers may be longer than a float's
        raise DataError(f"{path}: {error}.") from error
    texts = {key: document.get(key, "") for key in ("title", "source", "licence")}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise DataError(f"{path}: {key} must be text.")
    confirmed = document.get("confirmed", False)
    if not isinstance(confirmed, bool):
        raise DataError(f"{path}: confirmed must be true or false.")
    return SchemaFile(
        schema,
        texts["title"] or path.parent.name,
        texts["source"] or "not stated",
        texts["licence"] or "not stated",
        confirmed,
    )


def schema_document(schema: Schema) -> dict[str, Any]:
    """The tables of a schema's file, without what it says about the data; `described_by` reads them."""
    columns: dict[str, Any] = {}
    for column in schema.columns:
        fields: dict[str, Any] = {"kind": column.kind}
        if column.bounds is not None:
            fields["bounds"] = list(column.bounds)
        if column.codebook:
            fields["codes"] = [[code, label] for code, label in column.codebook.items()]
        if column.missing_codes:
            fields["missing_codes"] = list(column.missing_codes)
        for key in ("unit", "description"):
            if getattr(column, key):
                fields[key] = getattr(column, key)
        if column.quasi_identifier:
            fields["quasi_identifier"] = True
        columns[column.name] = fields
    return {"target": schema.target, "columns": columns}


def _column(path: Path, name: str, fields: Any) -> Column:
    if not isinstance(fields, dict):
        raise DataError(f"{path}: columns.{name} must be a table of kind, bounds or codes.")
    _check_keys(path, f"columns.{name}.", fields, _FIELDS)
    kind = fields.get("kind")
    if kind not in _KINDS:
        near = nearest_name(str(kind), _KINDS)
        hint = f" (did you mean {near!r}?)" if near else ""
        raise DataError(f"{path}: columns.{name}.kind must be one of {', '.join(_KINDS)}{hint}.")
    bounds, codes = fields.get("bounds"), fields.get("codes", [])
    if bounds is not None and not (_numbers(bounds) and len(bounds) == 2):
        raise DataError(f"{path}: columns.{name}.bounds must be two numbers, the lowest and the highest.")
    if not isinstance(codes, list) or not all(_is_code(pair) for pair in codes):
        raise DataError(f'{path}: columns.{name}.codes must be pairs of a code and its label, as in [[0, "no"]].')
    given = [pair[0] for pair in codes]
    if len(set(map(str, given))) < len(given):
        raise DataError(f"{path}: columns.{name}.codes names a code twice.")
    missing = fields.get("missing_codes", [])
    if not _numbers(missing):
        raise DataError(f"{path}: columns.{name}.missing_codes must be numbers.")
    texts = {key: fields.get(key, "") for key in ("unit", "description")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise DataError(f"{path}: unit and description of columns.{name} must be text.")
    quasi = fields.get("quasi_identifier", False)
    if not isinstance(quasi, bool):
        raise DataError(f"{path}: columns.{name}.quasi_identifier must be true or false.")
    return Column(
        name,
        kind,
        (float(bounds[0]), float(bounds[1])) if bounds is not None else None,
        dict(map(tuple, codes)),
        quasi_identifier=quasi,
        missing_codes=tuple(map(float, missing)),
        **texts,
    )


def _is_code(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], int | str)
        and not isinstance(pair[0], bool)
        and isinstance(pair[1], str)
    )


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _check_keys(path: Path, place: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            near = nearest_name(key, known)
            hint = f"did you mean {near!r}?" if near else f"known here: {', '.join(known)}."
            raise DataError(f"{path}: unknown key {place}{clip(key)}: {hint}")
