"""A first draft of a schema from hospitals' CSV files, for somebody to put right and to vouch for.

A draft is read off patients: until its ranges and codes are replaced by what is publicly known, no guarantee could rest
on it. So it says `confirmed = false`, and nothing is trained on it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.csv_rows import read_csv_rows
from data.errors import DataError, clip
from data.plain_names import hidden_fault, name_fault, visible
from data.tables import csv_files

_MOST_CODES = 20
_UNIQUE = 0.9  # share of rows with a number of their own from which a column called id is one
_FEW_NUMBERS = 6  # whole numbers of so few values are taken for codes
_TARGETS = ("target", "label", "outcome", "diagnosis", "condition", "class", "event", "status")
_QUASI = re.compile(r"\b(age|sex|gender|birth|zip|postcode|postal|race|ethnic\w*|marital\w*|religion|nationality)\b")
_HEAD = """\
# Drafted from the files of {folder}. Before anything is trained on these patients:
#  1. Replace every range by one that is known without looking at them (a codebook, a physiological range).
#  2. See that every code is listed, those that no patient here has too, and give it a label.
#  3. Mark columns that outsiders may know of a patient as quasi_identifier.
#  4. Say what is predicted (target), then set confirmed = true.
# Whatever stays as it was drafted tells something about the patients, and no epsilon covers it.
"""


def draft_schema(folder: Path) -> str:
    """A schema's file in TOML, with comments on what was taken for what.

    Args:
        folder: with a CSV file for each hospital.

    Raises:
        DataError: no such folder or file, files of different columns, or a file that cannot be read.
    """
    frames = {path: read_csv_rows(_content(path), str(path)) for path in csv_files(folder)}
    first, *others = frames
    for path in others:
        odd = sorted(set(frames[first].columns) ^ set(frames[path].columns))
        if odd:
            raise DataError(
                f"{path}: column {clip(repr(odd[0]))} is in one of {first.name} and {path.name} only; give all "
                "hospitals the same columns."
            )
    table = pd.concat([frame[frames[first].columns] for frame in frames.values()], ignore_index=True)
    if not len(table):
        raise DataError(f"{first} has no rows: give it at least one patient or leave the hospital out.")
    found = {str(name): _drafted(str(name), table[name].dropna()) for name in table.columns}
    columns = {name: fields for name, (fields, _) in found.items() if fields is not None}
    blocks = [_HEAD.format(folder=visible(folder.name))]
    head = {
        "title": visible(folder.resolve().name),
        "source": "",
        "licence": "",
        "target": _target(columns),
        "confirmed": False,
    }
    blocks.append(_lines(head))
    for name, (fields, remark) in found.items():
        if fields is None:
            blocks.append(f"# {visible(name)}: left out. {remark}\n")
        else:
            comment = f"# {remark}\n" if remark else ""
            blocks.append(f"{comment}[columns.{_value(name)}]\n{_lines(fields)}")
    return "\n".join(blocks)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error


def _lines(fields: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in fields.items())


def _value(value: Any) -> str:
    """A value of TOML on one line: what JSON writes of text, numbers and lists of them is TOML too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _target(columns: Mapping[str, Mapping[str, Any]]) -> str:
    binary = [name for name, fields in columns.items() if fields["kind"] == "binary"]
    named = [name for name in binary if name.lower() in _TARGETS]
    return (named or binary[-1:] or [""])[0]


def _drafted(name: str, cells: pd.Series) -> tuple[dict[str, Any] | None, str]:
    """A column's fields, None where it is left out, and a remark."""
    fault = name_fault(name)
    if fault:
        return None, f"Its name {fault}."
    distinct = list(dict.fromkeys(cells))
    if len(distinct) < 2:
        return None, "It has fewer than two values."
    quasi = {"quasi_identifier": True} if _QUASI.search(name.lower().replace("_", " ")) else {}
    numbers = _as_numbers(cells)
    if numbers is None:
        if len(distinct) > _MOST_CODES:
            return None, f"It holds {len(distinct)} different texts: an identifier, a date or free text."
        fault = next(filter(None, map(hidden_fault, map(str, distinct))), "")
        if fault:
            return None, f"One of its texts {fault}."
        return {"kind": _coded(distinct), "codes": [[text, text] for text in sorted(distinct)], **quasi}, ""
    whole = bool((numbers % 1 == 0).all())
    values = sorted(set(numbers))
    if whole and len(values) <= _FEW_NUMBERS:
        codes = [[int(value), str(int(value))] for value in values]
        return {"kind": _coded(values), "codes": codes, **quasi}, "A number of few values, taken for a code."
    if (
        whole
        and len(values) > _UNIQUE * len(cells)
        and re.search(r"(^|[_ ])(id|mrn|nr|number|patient)($|[_ ])", name.lower())
    ):
        return None, "Almost every row has a number of its own: an identifier."
    low, high = _wider(values[0], values[-1])
    bounds = [int(low), int(high)] if whole else [float(low), float(high)]
    return {"kind": "integer" if whole else "continuous", "bounds": bounds, **quasi}, "Range drafted from patients."


def _coded(values: list[Any]) -> str:
    return "binary" if len(values) == 2 else "categorical"


def _as_numbers(cells: pd.Series) -> np.ndarray | None:
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _wider(low: float, high: float) -> tuple[float, float]:
    """A range of round numbers around another one; at 0 where the other does not go below."""
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-9)))
    below = math.floor(low / step) * step - step
    above = math.ceil(high / step) * step + step
    return (max(below, 0.0) if low >= 0 else below), above
