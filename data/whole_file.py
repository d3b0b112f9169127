"""Writing what a user asked for as a file: whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

from data.errors import DataError


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside the path, then renames; makes the folder where it is missing.

    Raises:
        DataError: the file cannot be written; an earlier one is left as it was.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # what stands in the way may be the folder itself
            partial.unlink()
        raise DataError(f"{path} cannot be written ({error.strerror}); choose another place.") from error
