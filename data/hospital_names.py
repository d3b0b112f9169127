"""What may name the hospitals of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from data.errors import DataError


def check_hospital_names(dataset: str, names: Sequence[object]) -> None:
    """Raises DataError unless all names are text that is not empty, and no two are the same."""
    for name in names:
        if not isinstance(name, str) or not name:
            raise DataError(f"{dataset}: {name!r} cannot name a hospital; use text that is not empty.")
    if len(set(names)) != len(names):
        raise DataError(f"{dataset}: two hospitals have the same name; rename one of them.")
