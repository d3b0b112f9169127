"""The study folder: which study it holds, where its cells lie, and which of them are finished."""

from __future__ import annotations

import tomllib
from pathlib import Path

import tomli_w

from data.errors import SettingsError
from tff_health.experiments.run_folder import (
    SETTINGS_FILE,
    RunFolderError,
    check_folder,
    explain,
    read_settings,
)
from tff_health.experiments.studies.code_record import StudyCode, check_code, record_code
from tff_health.experiments.studies.loading import validate_study
from tff_health.experiments.studies.plan import Cell, plan_study
from tff_health.experiments.studies.settings import StudySettings

STUDY_FILE = "study.toml"


def is_study(folder: Path) -> bool:
    """Whether the folder holds a study."""
    return (folder / STUDY_FILE).exists()


def cell_folder(folder: Path, cell: Cell) -> Path:
    """The run folder of a cell."""
    return folder / "cells" / cell.name


def log_file(folder: Path, cell: Cell) -> Path:
    """What the cell's process printed."""
    return folder / "logs" / f"{cell.name}.txt"


def lock_file(folder: Path, cell: Cell) -> Path:
    """Locked by the cell's process while it runs."""
    return folder / "logs" / f".{cell.name}.lock"


def read_study(folder: Path) -> StudySettings:
    """The study a folder was made with.

    Raises:
        RunFolderError: there is none, or it cannot be read.
    """
    path = folder / STUDY_FILE
    try:
        return validate_study(tomllib.loads(path.read_text("utf-8")), str(path))
    except (OSError, ValueError, SettingsError) as error:
        raise RunFolderError(f"{path} cannot be read as settings of a study.") from error


def check_study_folder(folder: Path, study: StudySettings, *, resume: bool, mixed_code: bool = False) -> StudyCode:
    """Says what stands against using the folder, before any work; makes nothing.

    Args:
        folder: of the study.
        study: its settings.
        resume: whether to go on with what is there.
        mixed_code: whether to go on with what other code has made.

    Returns:
        The code.

    Raises:
        RunFolderError: the folder holds something else or another study, was made by other code, or holds no study to
            resume.
    """
    try:
        if is_study(folder):
            if not resume:
                raise RunFolderError(
                    f"{folder} already holds a study; go on with it by --resume, or choose another folder by --out."
                )
            _check_same(folder, study)
        elif resume:
            raise RunFolderError(
                f"{folder} holds no study to resume (no {STUDY_FILE}); leave out --resume to start one."
            )
        else:
            check_folder(folder, resume=False)
    except OSError as error:
        raise RunFolderError(explain(error, folder)) from error
    extensions = [str(name) for name in study.experiment.get("extensions", [])]
    return check_code(folder, study.model_dump_json(), extensions, mixed=mixed_code)


def open_study_folder(folder: Path, study: StudySettings, *, resume: bool, mixed_code: bool = False) -> StudyCode:
    """Makes the folder, or checks that a resumed one holds the cells of this study; writes study.toml.

    Returns:
        The code that works in it now.

    Raises:
        RunFolderError: as in `check_study_folder`, or the folder cannot be written.
    """
    code = check_study_folder(folder, study, resume=resume, mixed_code=mixed_code)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Also when it is gone on with: the arm to compare with may have changed, cells may not.
        partial = folder / f".{STUDY_FILE}.part"
        partial.write_text(tomli_w.dumps(study.model_dump(mode="json", exclude_none=True)), "utf-8")
        partial.replace(folder / STUDY_FILE)
        for name in ("cells", "logs", "figures"):
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise RunFolderError(explain(error, folder)) from error
    record_code(folder, code)
    return code


def is_finished(folder: Path, cell: Cell) -> bool:
    """Whether the cell's run has ended with these very settings; a run of other settings is an error.

    Raises:
        RunFolderError: the cell's folder was made with other settings.
    """
    place = cell_folder(folder, cell)
    if not (place / SETTINGS_FILE).exists():
        return False
    if read_settings(place).fingerprint != cell.settings.fingerprint:
        raise RunFolderError(
            f"{place} was made with other settings than the study's; use another folder by --out, or remove that one."
        )
    return (place / "results.json").exists() and (place / "report.html").exists()


def _check_same(folder: Path, study: StudySettings) -> None:
    there = read_study(folder)
    source = str(folder / STUDY_FILE)
    one, other = (plan_study(each, source, whole=True) for each in (there, study))
    if one.fingerprint == other.fingerprint:
        return
    ours, theirs = ({cell.name: cell.settings.fingerprint for cell in plan.cells} for plan in (other, one))
    odd = next(name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name))
    how = "is in one of the two only" if odd not in ours or odd not in theirs else "differs"
    raise RunFolderError(
        f"{folder} was made by a study with other settings: cell {odd} {how}; use the same settings, or another folder "
        "by --out."
    )
