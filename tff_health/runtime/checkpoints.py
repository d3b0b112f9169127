"""Checkpoints that are whole or not there: written atomically, fully verified, bound to their settings.

File format, version 1: 8 bytes magic; SHA-256 of everything after it (32 bytes); length of the rest (8 bytes,
little endian); length of the header (8 bytes); header (JSON: fingerprint, step, structure of the state); the
arrays as an .npz. No pickle anywhere, so a checkpoint from a stranger can at worst be refused.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from data.errors import TffHealthError
from tff_health.runtime import nested
from tff_health.runtime.npz import npz_bytes

_MAGIC = b"TFFHCKP1"
_PREAMBLE = struct.Struct("<8s32sQQ")
_HASHED_FROM = 40  # digest covers all that follows it
_NAME = re.compile(r"checkpoint-(?P<settings>[0-9a-f]{8})-(?P<step>\d{8})\.ckpt")
Reason = Literal["truncated", "corrupt", "foreign", "unreadable"]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class CheckpointError(TffHealthError):
    """A checkpoint could not be written; those written before are untouched."""

    exit_code = 2


class Checkpoint(NamedTuple):
    """A verified checkpoint.

    Attributes:
        step: the number it was saved under.
        payload: the state in plain containers; `nested.restore(template, payload)` gives a TFF state back.
    """

    step: int
    payload: Any


class RefusedCheckpoint(NamedTuple):
    """A file that `latest` did not use.

    Attributes:
        name: file name.
        reason: `truncated`, `corrupt`, `foreign` (other settings) or `unreadable` (the system refused).
        message: one sentence for people.
    """

    name: str
    reason: Reason
    message: str


class CheckpointStore:
    """The checkpoints of one run in one folder.

    Only one process at a time may save into a folder; the kernel frees its claim when it dies.

    Args:
        folder: created with the first checkpoint.
        fingerprint: text that identifies settings, data and code that a resumed run must share.
        keep: how many checkpoints stay; 2 or more leave one to fall back on.
    """

    def __init__(self, folder: Path, fingerprint: str, keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"keep must be 1 or more, not {keep}")
        self._folder = folder
        self._fingerprint = fingerprint
        self._settings = hashlib.sha256(fingerprint.encode()).hexdigest()[:8]
        self._keep = keep
        self._claim: int | None = None
        self.refused: list[RefusedCheckpoint] = []

    def save(self, step: int, state: Any) -> Path:
        """Writes a checkpoint and removes those that are not needed any more.

        After the return it survives a power cut. Checkpoints of later steps (left over when an older one was
        resumed) are removed; those of other settings are never touched.

        Args:
            step: 0 or more; saving a step again replaces it.
            state: a nested state (see `nested`).

        Returns:
            the file's path.

        Raises:
            CheckpointError: disk full, folder not writable, or another process saves into it.
            nested.StructureError: the state holds something that cannot be kept.
        """
        if not 0 <= step < 10**8:
            raise ValueError(f"step must lie between 0 and 99,999,999, not {step}")
        content = _encode(self._fingerprint, step, state)
        path = self._folder / f"checkpoint-{self._settings}-{step:08d}.ckpt"
        try:
            self._claim_folder()
            _write_atomically(path, content)
            self._prune(step)
        except OSError as error:
            raise CheckpointError(_explain(error, self._folder)) from error
        return path

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole and of these settings, or None.

        What had to be refused on the way is listed in `refused` (and only there; the caller tells the user).
        """
        self.refused = []
        for path in self._files():
            try:
                content = path.read_bytes()
            except OSError as error:
                self._refuse(path, "unreadable", f"cannot be read ({error.strerror})")
                continue
            found = self._verify(path, content)
            if found is not None:
                return found
        return None

    def keep_newest(self) -> None:
        """Removes all checkpoints but the newest, for states that must not stay: the start of a noise stream."""
        for path in self._files()[1:]:
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Removes all checkpoints of these settings, damaged ones too; after the return a power cut brings none back.

        Raises:
            CheckpointError: folder not writable, or another process saves into it.
        """
        own = [path for path in self._files() if path.name.startswith(f"checkpoint-{self._settings}-")]
        if not own:
            return
        try:
            self._claim_folder()
            for path in own:
                path.unlink(missing_ok=True)
            _sync(self._folder)
        except OSError as error:
            raise CheckpointError(_explain(error, self._folder)) from error

    def close(self) -> None:
        """Lets other processes save into the folder. May be called again."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _files(self) -> list[Path]:
        """Checkpoints of any settings, newest step first."""
        with contextlib.suppress(FileNotFoundError):
            found = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
            return sorted(found, key=lambda path: (_step(path), path.name), reverse=True)
        return []

    def _verify(self, path: Path, content: bytes) -> Checkpoint | None:
        """The checkpoint of a file's content, or None after noting why it is refused."""
        if len(content) < _PREAMBLE.size:
            self._refuse(path, "truncated", f"has only {len(content)} bytes")
            return None
        magic, digest, length, header_length = _PREAMBLE.unpack_from(content)
        if magic != _MAGIC:
            self._refuse(path, "corrupt", "does not begin as a checkpoint does")
            return None
        if hashlib.sha256(memoryview(content)[_HASHED_FROM:]).digest() != digest:
            missing = length - (len(content) - _PREAMBLE.size)
            if missing > 0:
                self._refuse(path, "truncated", "is shorter than it should be")
            else:
                self._refuse(path, "corrupt", "does not match its checksum")
            return None
        body = content[_PREAMBLE.size :]
        try:
            header = json.loads(body[:header_length])
            if header["fingerprint"] != self._fingerprint:
                self._refuse(path, "foreign", "was made with other settings")
                return None
            with np.load(io.BytesIO(body[header_length:]), allow_pickle=False) as arrays:
                leaves = [arrays[f"a{i}"] for i in range(len(arrays.files))]
            return Checkpoint(int(header["step"]), nested.rebuild(header["structure"], leaves))
        except (ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
            self._refuse(path, "corrupt", f"cannot be understood ({error})")
            return None

    def _refuse(self, path: Path, reason: Reason, what: str) -> None:
        self.refused.append(RefusedCheckpoint(path.name, reason, f"Checkpoint {path.name} {what}."))

    def _claim_folder(self) -> None:
        if self._claim is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        claim = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            raise CheckpointError(
                f"Another process is writing checkpoints into {self._folder}: wait for it, stop it, or "
                "choose another output folder."
            ) from None
        except OSError:  # some network file systems cannot lock folders; then users must take care themselves
            pass
        self._claim = claim
        for rubbish in self._folder.glob("checkpoint-*.ckpt.tmp"):  # of a process killed while it wrote
            rubbish.unlink(missing_ok=True)

    def _prune(self, saved_step: int) -> None:
        own = [path for path in self._files() if path.name.startswith(f"checkpoint-{self._settings}-")]
        later = [path for path in own if _step(path) > saved_step]
        rest = [path for path in own if _step(path) <= saved_step]
        for path in later + rest[self._keep :]:
            path.unlink(missing_ok=True)


def _step(path: Path) -> int:
    matched = _NAME.fullmatch(path.name)
    assert matched is not None
    return int(matched["step"])


def _encode(fingerprint: str, step: int, state: Any) -> bytes:
    structure, arrays = nested.describe(state)
    header = json.dumps({"fingerprint": fingerprint, "step": step, "structure": structure}).encode()
    body = header + npz_bytes({f"a{i}": array for i, array in enumerate(arrays)}, compressed=False)
    lengths = struct.pack("<QQ", len(body), len(header))
    digest = hashlib.sha256(lengths + body).digest()
    return _MAGIC + digest + lengths + body


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Makes renamed and removed files survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(error: OSError, folder: Path) -> str:
    if error.errno in _FULL:
        return (
            f"The disk is full: no checkpoint could be written to {folder}; free some space and resume the "
            "run, earlier checkpoints are intact."
        )
    return (
        f"No checkpoint could be written to {folder} ({error.strerror}): make the folder writable or "
        "choose another output folder."
    )
