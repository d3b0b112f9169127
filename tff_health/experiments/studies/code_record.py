"""Which code computed the cells of a study: results of different code are not mixed unawares."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.run_folder import RunFolderError, explain
from tff_health.runtime.code_identity import code_digest, named_modules

CODE_FILE = "code.txt"


class OtherCodeError(TffHealthError):
    """A machine has other code than the study."""


@dataclass(frozen=True)
class StudyCode:
    """Which code a study runs.

    Attributes:
        digest: SHA-256 of the project's files and the users' modules.
        modules: of users, which the digest covers.
    """

    digest: str
    modules: tuple[str, ...] = ()


def check_code(folder: Path, settings: str, extensions: list[str], *, mixed: bool) -> StudyCode:
    """The code that runs now, once it is the one that the folder was made with.

    Args:
        folder: of the study; without a record there is nothing to hold against.
        settings: of the study as JSON.
        extensions: users' modules that it imports.
        mixed: whether other code is accepted.

    Raises:
        RunFolderError: the folder was made by other code.
    """
    modules = tuple(sorted({*named_modules(settings), *extensions}))
    code = StudyCode(code_digest(modules), modules)
    known = recorded_code(folder)
    if known and code.digest not in known and not mixed:
        raise RunFolderError(
            f"{folder} was made by other code than this (the project's files, or a module that the study names, have "
            "changed since); begin anew in another folder by --out, or accept a mixture, which the report will name, "
            "by --mixed-code."
        )
    return code


def check_same_code(code: StudyCode) -> None:
    """Returns where this machine has the study's code.

    Args:
        code: that the study was started with, on another machine perhaps.

    Raises:
        OtherCodeError: it has other code.
    """
    if code_digest(code.modules) != code.digest:
        raise OtherCodeError(
            f"{socket.gethostname()} has other code than the study (the project's files, or a module that the study "
            "names, differ): bring both to the same version, then go on with --resume."
        )


def record_code(folder: Path, code: StudyCode) -> None:
    """Adds a version of the code to the folder's record.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    known = recorded_code(folder)
    if code.digest in known:
        return
    try:
        (folder / CODE_FILE).write_text("".join(f"{one}\n" for one in (*known, code.digest)), "utf-8")
    except OSError as error:
        raise RunFolderError(explain(error, folder)) from error


def recorded_code(folder: Path) -> list[str]:
    """Digests of all code that worked in the folder, in order."""
    try:
        return (folder / CODE_FILE).read_text("utf-8").split()
    except OSError:
        return []


def mixture_note(folder: Path) -> list[str]:
    """A sentence where more than one version of the code worked in the folder."""
    count = len(recorded_code(folder))
    if count < 2:
        return []
    return [f"The cells were computed by {count} versions of the code, which was accepted on purpose."]
