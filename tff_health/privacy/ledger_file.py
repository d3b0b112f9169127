"""The ledger's file: JSON lines that are only ever appended, each whole or not there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.errors import TffHealthError

HEADER = {"record": "ledger", "version": 1}


class LedgerError(TffHealthError):
    """The ledger cannot be read, written or believed; nothing more may be released on its account."""


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a ledger, without a last line that a kill or a power cut left torn.

    A torn line is safe to drop: a step starts only after its line, newline included, was written in full.

    Raises:
        LedgerError: the file cannot be read, or is damaged before its end.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(f"The privacy ledger {path} cannot be read ({error.strerror}): make it readable.") from error
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or (number == 1 and record != HEADER):
            raise damaged(path, number)
        records.append(record)
    return records[1:]


def damaged(path: Path, line: int) -> LedgerError:
    """The error for a line that says nothing."""
    return LedgerError(
        f"The privacy ledger {path} is damaged in line {line}: what was spent is unknown, so nothing more may be "
        "released in this run; restore the file or begin a new run in another folder."
    )


class LedgerFile:
    """Appends to a ledger; one process at a time, the kernel frees its claim when it dies.

    Args:
        path: created with its folder; a torn last line is cut off.
        wait: for another process that has it open.

    Raises:
        LedgerError: another process has it open, unless `wait`; or it cannot be written.
    """

    def __init__(self, path: Path, wait: bool = False) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self.close()
            raise LedgerError(
                f"Another process is writing the privacy ledger {path}: wait for it, stop it, or choose another folder."
            ) from None
        except OSError:  # some network file systems cannot lock; then users must take care themselves
            pass
        try:
            content = path.read_bytes()
            os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)
            if b"\n" not in content:
                self.append(HEADER)
                folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(folder)  # makes the file itself survive a power cut
                finally:
                    os.close(folder)
        except OSError as error:
            self.close()
            raise self._unwritable(error) from error

    def append(self, record: Mapping[str, Any], durable: bool = True) -> None:
        """Writes one record; after the return it survives a kill, and a power cut where `durable`.

        Raises:
            LedgerError: the disk is full or the file cannot be written.
        """
        line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        begin = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError(28, "the disk is full")
            if durable:
                os.fsync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, begin)  # or the next line would run into half of this one
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Lets other processes write. May be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _unwritable(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"The privacy ledger {self._path} cannot be written ({error.strerror}): no step starts without its entry; "
            "free some space or make the folder writable, and resume."
        )
