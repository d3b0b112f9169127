"""Writing a file so that a reader finds the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from data.errors import TffHealthError


class ReportError(TffHealthError):
    """A run folder that cannot be read or a report that cannot be written."""

    exit_code = 2


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` beside `path`, flushes it to disk and renames it into place.

    Args:
        path: where the file shall stand; its folder is made where it is missing.
        content: the whole file.

    Raises:
        ReportError: the folder cannot be written or the disk is full; an earlier file is then left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise ReportError(_cannot_write(path, error)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        raise ReportError(_cannot_write(path, error)) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _umask() -> int:
    # The only portable way to read the mask is to set it; mkstemp's own 0600 would hide reports.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cannot_write(path: Path, error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{path} cannot be written ({reason}): free the disk, allow writing there or choose another folder."
