"""One process at a time writes a cell: whoever comes next waits until the one before it is really gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from data.errors import TffHealthError

_POLL = 0.2


class CellLockError(TffHealthError):
    """Somebody else writes the cell, or nobody could say so."""


@contextlib.contextmanager
def alone(path: Path, patience: float, *, needed: bool) -> Iterator[None]:
    """Holds a cell's lock during the block; the kernel frees that of a process which dies, a file server that of a
    machine.

    Args:
        path: of the lock's file; its folder must be there.
        patience: seconds to wait for another process.
        needed: whether the lock is insisted on where the file system cannot lock.

    Raises:
        CellLockError: another process kept it for too long, or the file cannot be locked.
    """
    until = time.monotonic() + patience
    descriptor = _opened(path)
    try:
        while not _locked(descriptor, path, needed):
            if time.monotonic() > until:
                raise CellLockError(
                    f"Another process has been writing this cell for more than {patience:.0f} seconds ({path} is "
                    "locked): wait for it or stop it, then go on with --resume."
                )
            time.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CellLockError(f"{path} cannot be written ({error.strerror}); choose another folder by --out.") from error


def _locked(descriptor: int, path: Path, needed: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if needed:
            raise CellLockError(
                f"{path} cannot be locked ({error.strerror}), so two workers could write one cell: put the study on a "
                "file system that locks, or leave out --scheduler."
            ) from error
    return True
