"""Which code computed the cells of a study: results of different code are not mixed unawares."""

from __future__ import annotations

from pathlib import Path

from tff_health.experiments.run_folder import RunFolderError, explain
from tff_health.runtime.code_identity import code_digest, named_modules

CODE_FILE = "code.txt"


def check_code(folder: Path, settings: str, extensions: list[str], *, mixed: bool) -> str:
    """The digest of the code that runs now, once it is the one that the folder was made with.

    Args:
        folder: of the study; without a record there is nothing to hold against.
        settings: of the study as JSON.
        extensions: users' modules that it imports.
        mixed: whether other code is accepted.

    Raises:
        RunFolderError: the folder was made by other code.
    """
    digest = code_digest({*named_modules(settings), *extensions})
    known = recorded_code(folder)
    if known and digest not in known and not mixed:
        raise RunFolderError(
            f"{folder} was made by other code than this (the project's files, or a module that the study names, have "
            "changed since); begin anew in another folder by --out, or accept a mixture, which the report will name, "
            "by --mixed-code."
        )
    return digest


def record_code(folder: Path, digest: str) -> None:
    """Adds a digest to the folder's record.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    known = recorded_code(folder)
    if digest in known:
        return
    try:
        (folder / CODE_FILE).write_text("".join(f"{one}\n" for one in (*known, digest)), "utf-8")
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
