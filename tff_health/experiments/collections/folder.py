"""The folder of a study of parts: which study it holds, where its parts lie, and which of them are finished."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import tomli_w
from pydantic import ValidationError

from tff_health.experiments.collections.plan import CollectionPlan, PlannedPart
from tff_health.experiments.collections.settings import CollectionSettings
from tff_health.experiments.run_folder import SETTINGS_FILE, RunFolderError, check_folder, explain, read_settings
from tff_health.experiments.studies import folder as study_folder
from tff_health.experiments.studies.code_record import StudyCode, check_code, record_code
from tff_health.experiments.studies.plan import StudyPlan

COLLECTION_FILE = "collection.toml"


def is_collection_folder(folder: Path) -> bool:
    """Whether the folder holds a study of parts."""
    return (folder / COLLECTION_FILE).exists()


def part_folder(folder: Path, name: str) -> Path:
    """The run or study folder of a part."""
    return folder / "parts" / name


def finished_parts(folder: Path) -> list[Path]:
    """The run and study folders of the parts that have results, in the study's order."""
    places = [part_folder(folder, name) for name in read_collection(folder).parts]
    return [place for place in places if (place / "results.json").exists()]


def read_collection(folder: Path) -> CollectionSettings:
    """The study a folder was made with.

    Raises:
        RunFolderError: there is none, or it cannot be read.
    """
    path = folder / COLLECTION_FILE
    try:
        return CollectionSettings.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise RunFolderError(f"{path} cannot be read as settings of a study.") from error


def check_collection_folder(folder: Path, plan: CollectionPlan, *, resume: bool, mixed_code: bool = False) -> StudyCode:
    """Says what stands against using the folder, before any work; makes nothing.

    Args:
        folder: of the study.
        plan: of all parts.
        resume: whether to go on with what is there.
        mixed_code: whether to go on with what other code has made.

    Returns:
        The code.

    Raises:
        RunFolderError: the folder holds something else or another study, was made by other code, or holds no study to
            resume.
    """
    if is_collection_folder(folder):
        if not resume:
            raise RunFolderError(
                f"{folder} already holds a study; go on with it by --resume, or choose another folder by --out."
            )
        if read_collection(folder) != plan.settings:
            raise RunFolderError(
                f"{folder} was made by a study with other settings; use the same ones, or another folder by --out."
            )
    elif resume:
        raise RunFolderError(
            f"{folder} holds no study to resume (no {COLLECTION_FILE}); leave out --resume to start one."
        )
    else:
        check_folder(folder, resume=False)
    settings = "".join(part.document for part in plan.parts)
    return check_code(folder, settings, plan.extensions, mixed=mixed_code)


def open_collection_folder(folder: Path, plan: CollectionPlan, *, resume: bool, mixed_code: bool = False) -> None:
    """Makes the folder, or checks that a resumed one holds this study; errors as in `check_collection_folder`."""
    code = check_collection_folder(folder, plan, resume=resume, mixed_code=mixed_code)
    try:
        (folder / "parts").mkdir(parents=True, exist_ok=True)
        if not resume:
            partial = folder / f".{COLLECTION_FILE}.part"
            partial.write_text(tomli_w.dumps(plan.settings.model_dump(mode="json", exclude_none=True)), "utf-8")
            partial.replace(folder / COLLECTION_FILE)
    except OSError as error:
        raise RunFolderError(explain(error, folder)) from error
    record_code(folder, code)


def is_begun(place: Path, part: PlannedPart) -> bool:
    """Whether a part's folder can be gone on with; one that was killed while it was made is removed.

    Args:
        place: the part's folder.
        part: as planned now.

    Raises:
        RunFolderError: it was made with other settings than the part's.
    """
    studied = isinstance(part.work, StudyPlan)
    if not (place / (study_folder.STUDY_FILE if studied else SETTINGS_FILE)).exists():
        shutil.rmtree(place, ignore_errors=True)
        return False
    if not studied and read_settings(place).fingerprint != part.fingerprint:
        raise RunFolderError(
            f"{place} was made with other settings than the study's, or when other datasets were at hand; use another "
            "folder by --out, or remove that one."
        )
    return True


def is_finished(place: Path, part: PlannedPart) -> bool:
    """Whether a part that was begun has ended, all of it."""
    ended = (place / "results.json").exists() and (place / "report.html").exists()
    if isinstance(part.work, StudyPlan):
        return ended and all(study_folder.is_finished(place, cell) for cell in part.work.cells)
    return ended
