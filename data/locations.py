"""Where downloaded data files lie: a named folder, the environment's, or the user's cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from data.errors import DataError

ENVIRONMENT_VARIABLE = "TFF_HEALTH_DATA"


def data_root(data_dir: Path | None) -> Path:
    """The folder that holds downloaded datasets, which need not exist yet.

    Args:
        data_dir: named by the user. Where it is None, the environment variable TFF_HEALTH_DATA counts, then
            `tff_health` inside the user's cache folder (XDG_CACHE_HOME or ~/.cache).

    Raises:
        DataError: the path is not a folder, or no home folder is known.
    """
    named = data_dir if data_dir is not None else os.environ.get(ENVIRONMENT_VARIABLE)
    cache = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if named:
            root = Path(named).expanduser()
        elif os.path.isabs(cache):
            root = Path(cache) / "tff_health"
        else:
            root = Path.home() / ".cache" / "tff_health"
    except RuntimeError as error:
        raise DataError(
            f"no home folder is known for the cache of data files; name a folder with --data-dir or "
            f"{ENVIRONMENT_VARIABLE}."
        ) from error
    if root.exists() and not root.is_dir():
        raise DataError(f"{root} is a file, not a folder; name the folder that holds the data.")
    return root


def dataset_folder(name: str, files: Iterable[str], data_dir: Path | None) -> Path:
    """The folder of one dataset's files: `name` inside the root, or the root where the files lie there
    directly.

    Args:
        name: the dataset's name and its folder's.
        files: the dataset's file names.
        data_dir: as in `data_root`.
    """
    root = data_root(data_dir)
    inside = root / name
    if not inside.is_dir() and any((root / file).is_file() for file in files):
        return root
    return inside
