"""What may name the hospitals of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from data.errors import DataError, clip
from data.plain_names import alike, name_fault


def check_hospital_names(dataset: str, names: Sequence[object]) -> None:
    """Raises DataError unless all names are text that shows, and a reader and any disk can tell them apart.

    Args:
        dataset: its name, or the folder whose files are named like the hospitals.
        names: of all hospitals.
    """
    texts = []
    for name in names:
        if not isinstance(name, str) or not name:
            raise DataError(f"{dataset}: {name!r} cannot name a hospital; use text that is not empty.")
        fault = name_fault(name)
        if fault:
            raise DataError(f"{dataset}: the hospital {clip(repr(name))} {fault}; rename it.")
        texts.append(name)
    if len(set(texts)) != len(texts):
        raise DataError(f"{dataset}: two hospitals have the same name; rename one of them.")
    same = alike(texts)
    if same:
        one, other = (clip(ascii(name)) for name in same)
        raise DataError(
            f"{dataset}: the hospitals {one} and {other} look the same but for capitals, blanks or accents' encoding; "
            "rename one of them."
        )
