"""Files that only their owner may read: made so from the start, and refused when they no longer are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from data.errors import SettingsError

_OWNER_ONLY = 0o600


def write_new(path: Path, content: bytes) -> None:
    """Writes a file that is not there yet, readable by its owner alone.

    Raises:
        SettingsError: it is there already, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise SettingsError(f"{path} is there already: remove it only if nobody uses it any more.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}): allow writing to its folder.") from error


def read_private(path: Path) -> bytes:
    """The content of a file that nobody but its owner may read.

    Raises:
        SettingsError: it is not there, or others may read or change it.
    """
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & ~0o700:
                raise SettingsError(
                    f"{path} is open to others (mode {mode:o}): take their rights away (chmod 600), and make new keys "
                    "if somebody may have read it."
                )
            return file.read()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): run hospital init first.") from error
