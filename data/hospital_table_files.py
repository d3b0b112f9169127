"""The files of the dataset `table`: whether they are there, and what is wrong with them. Nobody publishes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from data.errors import DataError
from data.hospital_tables import SCHEMA_NAME
from data.locations import data_root
from data.schema_file import read_schema_file
from data.tables import csv_files


def is_present(data_dir: Path | None = None) -> bool:
    """Whether the data folder itself holds a schema."""
    return (data_root(data_dir) / SCHEMA_NAME).is_file()


def check(data_dir: Path | None = None) -> tuple[str, ...]:
    """Reads the schema and says which hospitals there are.

    Returns:
        Sentences for people.

    Raises:
        DataError: the schema or every CSV file is missing, or the schema cannot be used.
    """
    folder = data_root(data_dir)
    described = read_schema_file(folder / SCHEMA_NAME)
    hospitals = [path.stem for path in csv_files(folder)]
    return (
        f"{folder / SCHEMA_NAME}: {len(described.schema.columns)} columns, target {described.schema.target!r}.",
        f"Hospitals: {', '.join(hospitals)}.",
    )


def fetch(target_dir: Path | None = None, progress: Callable[[int, int | None], None] | None = None) -> NoReturn:
    """Raises: there is nothing to download.

    Raises:
        DataError: always.
    """
    raise DataError(
        "table is made of your own files: put a CSV file for each hospital into a folder, draft its schema with "
        "`uv run run_experiments.py data describe FOLDER`, and name the folder by --data-dir."
    )
