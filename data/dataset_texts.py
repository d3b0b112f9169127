"""What a dataset may say of itself."""

from __future__ import annotations

from collections.abc import Iterable

from data.errors import DataError, clip
from data.plain_names import hidden_fault


def check_dataset_texts(dataset: str, texts: Iterable[str]) -> None:
    """Raises DataError unless every character of a dataset's title, source, notes and the like shows.

    Args:
        dataset: its name.
        texts: which may have several lines.
    """
    for text in texts:
        fault = hidden_fault(text, but="\n")
        if fault:
            raise DataError(f"{dataset}: the text {clip(repr(text))} {fault}; write it without.")
