"""What a column may be called, and its codes and labels."""

from __future__ import annotations

from collections.abc import Mapping

from data.csv_rows import MISSING_MARKS
from data.errors import clip
from data.plain_names import hidden_fault, name_fault


def check_column_texts(name: str, codebook: Mapping[int | str, str], *, unit: str, description: str) -> None:
    """Refuses what does not show, and codes that a CSV file would not give back.

    Args:
        name: of the column.
        codebook: code -> label.
        unit: of its numbers.
        description: for people.

    Raises:
        ValueError: says which text of the column cannot be used.
    """
    fault = name_fault(name)
    if fault:
        raise ValueError(f"the column name {clip(repr(name))} {fault}")
    codes = tuple(map(str, codebook))
    texts = {"code": codes, "label": tuple(codebook.values()), "unit": (unit,), "description": (description,)}
    for what, given in texts.items():
        for text in given:
            fault = hidden_fault(text)
            if fault:
                raise ValueError(f"column {clip(repr(name))}: the {what} {clip(repr(text))} {fault}")
    for code in codes:
        # Written into a CSV file it would come back as a missing cell, or without its blanks.
        if code in MISSING_MARKS or code != code.strip():
            raise ValueError(f"column {clip(repr(name))}: a CSV file cannot hold the code {code!r}; take a word for it")
