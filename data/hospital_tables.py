"""The dataset `table`: any hospitals' CSV files, one each, with a schema that somebody vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.dataset_settings import TABLE
from data.errors import DataError
from data.federation import Federation
from data.locations import data_root
from data.schema_file import read_schema_file
from data.tables import load_tables

SCHEMA_NAME = "schema.toml"


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> Federation:
    """Every CSV file of a folder as a hospital named like it.

    Args:
        settings: `folder` (with the files; by default the data folder itself), `schema` (`schema.toml` in it),
            `test_fraction` (.25), `split_seed` (the experiment's seed).
        data_dir: that `folder` is looked for in, unless it is a full path; see `data_root`.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown or out of range.
        DataError: the schema is missing or not confirmed, or a file cannot be used: names file, column and row.
    """
    resolved = TABLE.resolve(settings)
    root = data_root(data_dir)
    folder = root / resolved["folder"] if resolved["folder"] else root
    path = folder / (resolved["schema"] or SCHEMA_NAME)
    described = read_schema_file(path)
    if not described.confirmed:
        raise DataError(
            f"{path} is a draft: put its ranges and codes right from public knowledge, then set confirmed = true."
        )
    split_seed = seed if resolved["split_seed"] is None else resolved["split_seed"]
    return load_tables(
        folder,
        described.schema,
        title=described.title,
        kind="real",
        source=described.source,
        licence=described.licence,
        name="table",
        test_fraction=resolved["test_fraction"],
        split_seed=split_seed,
    )
