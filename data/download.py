"""Downloading a public data file so that its final name only ever holds the whole, verified file."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests

from data.errors import DataError

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and the bytes expected, None where the server does not say."""

_CHUNK = 1 << 16
_BY_HAND = "or fetch the file by hand and name its folder with --data-dir"


@dataclass(frozen=True)
class Fingerprint:
    """What a published file is known by; empty fields are not compared.

    Attributes:
        sha256: hexadecimal SHA-256.
        md5: hexadecimal MD5, where that is all the publisher gives. It finds damage, not forgery.
        size: length in bytes.
    """

    sha256: str = ""
    md5: str = ""
    size: int | None = None

    def problem(self, content: bytes | Path) -> str | None:
        """Why the content is not the published file, as a clause ("is ..., the published file is ..."), or
        None.

        Raises:
            OSError: the file cannot be read.
        """
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if self.size is not None and size != self.size:
            state = "cut short" if size < self.size else "too long"
            return f"is {state}: {size:,} bytes, the published file has {self.size:,}"
        for algorithm, expected in (("sha256", self.sha256), ("md5", self.md5)):
            if expected and (found := _digest(content, algorithm)) != expected.lower():
                name = "SHA-256" if algorithm == "sha256" else "MD5"
                return f"has {name} {found[:16]}..., the published file {expected[:16]}...: its content differs"
        return None


def _digest(content: bytes | Path, algorithm: str) -> str:
    if isinstance(content, bytes):
        return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def download(
    url: str,
    target: Path,
    fingerprint: Fingerprint,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Downloads `url` to `target`, which afterwards is the whole verified file or what it was before.

    The bytes go to a temporary file beside the target that is renamed at the very end, so an interruption,
    a failure or a second download at the same time never leaves a partial file under the final name.

    Args:
        url: http or https address.
        target: final path; its folder is made where needed, an older file is replaced.
        fingerprint: what the file must match.
        progress: told of every piece that arrives.
        timeout: seconds without any byte after which the server is given up.

    Returns:
        The target.

    Raises:
        DataError: no network, an HTTP error, a truncated or different file, or a folder that cannot be
            written.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            _receive(url, file, fingerprint.size, progress, timeout)
            file.flush()
            os.fsync(file.fileno())
        problem = fingerprint.problem(partial)
        if problem:
            raise DataError(f"the file from {url} {problem}; nothing was kept, so try again, {_BY_HAND}.")
        partial.replace(target)
    except OSError as error:
        raise DataError(
            f"cannot write {target}: {error.strerror or error}; free some space or choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return target


def _receive(url: str, file: BinaryIO, most: int | None, progress: Progress | None, timeout: float) -> None:
    """Writes the body of `url` to `file`; stops at the first byte over `most`."""
    received, answered = 0, False
    expected: int | None = None
    try:
        # Without compression the length that the server announces is the length of the file.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
            if response.status_code != 200:
                raise DataError(
                    f"the server answered {response.status_code} {response.reason} for {url}; try again "
                    f"later, {_BY_HAND}."
                )
            answered = True
            announced = response.headers.get("Content-Length", "")
            expected = int(announced) if announced.isdecimal() else most
            if progress:
                progress(0, expected)
            for chunk in response.iter_content(_CHUNK):
                received += len(chunk)
                if most is not None and received > most:
                    raise DataError(
                        f"the file from {url} is longer than the published {most:,} bytes; nothing was kept, "
                        f"so try again, {_BY_HAND}."
                    )
                file.write(chunk)
                if progress:
                    progress(received, expected)
    except requests.RequestException as error:
        if answered:
            reason = f"the download of {url} broke off before the end of its {_count(expected)} bytes"
        elif isinstance(error, requests.Timeout):
            reason = f"{urlsplit(url).hostname} did not answer within {timeout:g} seconds"
        elif isinstance(error, requests.ConnectionError):
            reason = f"cannot reach {urlsplit(url).hostname} (no network, or the server is down)"
        else:
            reason = f"cannot download {url} ({type(error).__name__})"
        raise DataError(f"{reason}; nothing was kept, so try again, {_BY_HAND}.") from error


def _count(number: int | None) -> str:
    return "unknown number of" if number is None else f"{number:,}"
