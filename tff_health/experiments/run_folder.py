"""The run folder: where it lies, whose it is, and the tables that grow while a run goes on."""

from __future__ import annotations

import csv
import errno
import os
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from data.errors import SettingsError, TffHealthError
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.kinds import settings_class
from tff_health.runtime.file_names import safe_name

SETTINGS_FILE = "settings.toml"
METRIC_COLUMNS = ("loss", "accuracy", "auc", "sensitivity", "specificity", "f1", "brier", "ece")
ROUND_COLUMNS = ("dataset", "arm", "seed", "round", "train_loss", *METRIC_COLUMNS, "epsilon")
TIMING_COLUMNS = ("dataset", "arm", "step", "seconds")
# Of hospitals that are apart: what a step, its scoring included, moved and took.
TRAFFIC_COLUMNS = (
    *("dataset", "arm", "step", "hospital", "bytes_to_hospital", "bytes_from_hospital"),
    *("seconds_hospitals", "seconds_coordinator"),
)
PREDICTION_COLUMNS = ("dataset", "arm", "seed", "hospital", "patient", "label", "score")


class RunFolderError(TffHealthError):
    """The run folder cannot be used: not writable, full, or not a run's."""

    exit_code = 2


def default_folder(experiment: str, base: Path = Path("runs")) -> Path:
    """A new folder for a run, named after the experiment and the time."""
    return base / f"{experiment}-{time.strftime('%Y%m%d-%H%M%S')}"


def newest_folder(name: str, marker: str = SETTINGS_FILE, base: Path = Path("runs")) -> Path:
    """The folder of the newest run of an experiment or a study, for `--resume` without `--out`.

    Args:
        name: of the experiment or study.
        marker: the file that such a folder holds.
        base: where default folders lie.

    Raises:
        RunFolderError: there is none.
    """
    found = [path.parent for path in base.glob(f"*/{marker}") if path.parent.name.startswith(f"{name}-")]
    if not found:
        raise RunFolderError(f"there is no run of {name} in {base}/ to resume; name its folder with --out DIR.")
    return max(found, key=lambda path: (path / marker).stat().st_mtime)


def check_folder(folder: Path, *, resume: bool) -> None:
    """Says what stands against using the folder, before any work; makes nothing.

    Raises:
        RunFolderError: the folder holds something else, holds no run to resume, or cannot be written.
    """
    try:
        _check_folder(folder, resume)
    except OSError as error:
        raise RunFolderError(explain(error, folder)) from error


def _check_folder(folder: Path, resume: bool) -> None:
    if (folder / SETTINGS_FILE).exists():
        if not resume:
            raise RunFolderError(
                f"{folder} already holds a run; go on with it by --resume, or choose another folder by --out."
            )
    elif resume:
        raise RunFolderError(f"{folder} holds no run to resume (no {SETTINGS_FILE}); leave out --resume to start one.")
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError(f"{folder} exists and is no empty folder; choose another by --out.")
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise RunFolderError(f"{folder} cannot be made: {place} is a file; choose another folder by --out.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunFolderError(f"{folder} is not writable; choose another folder by --out.")


def open_folder(folder: Path, settings: ExperimentBase, *, resume: bool) -> None:
    """Makes the folder and writes settings.toml, or checks that a resumed folder was made with these settings.

    Raises:
        RunFolderError: the folder holds something else, is not writable, or was made with other settings.
    """
    check_folder(folder, resume=resume)
    settings_file = folder / SETTINGS_FILE
    if resume:
        _check_same(settings_file, settings)
        _check_ledgers(folder, settings)
        return
    text = tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True, exclude_defaults=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("figures", "model", "checkpoints", "ledger"):
            (folder / name).mkdir(exist_ok=True)
        partial = folder / f".{SETTINGS_FILE}.part"
        partial.write_text(text, "utf-8")
        partial.replace(settings_file)
    except OSError as error:
        raise RunFolderError(explain(error, folder)) from error


def _check_ledgers(folder: Path, settings: ExperimentBase) -> None:
    """Refuses a ledger of no dataset: what it counts would be left out, and every epsilon be too small."""
    known = {ledger_file(folder, name) for name in settings.tasks}
    strange = next((path for path in sorted((folder / "ledger").glob("*.jsonl")) if path not in known), None)
    if strange is not None:
        raise RunFolderError(
            f"{strange} is of no dataset of this run, as other code names its files; go on with the code that began "
            "the run, or begin anew in another folder by --out."
        )


def read_settings(folder: Path) -> ExperimentBase:
    """The settings a run folder was made with.

    Raises:
        RunFolderError: no settings.toml, or not one of this project's.
    """
    try:
        document = tomllib.loads((folder / SETTINGS_FILE).read_text("utf-8"))
        return settings_class(document).model_validate(document)
    except (OSError, ValueError, SettingsError) as error:
        raise RunFolderError(f"{folder / SETTINGS_FILE} cannot be read as settings of a run.") from error


def result_file(folder: Path, dataset: str) -> Path:
    """Where a dataset's process leaves its part of results.json."""
    return folder / "checkpoints" / safe_name(dataset) / "result.json"


def ledger_file(folder: Path, dataset: str) -> Path:
    """A dataset's part of the privacy ledger."""
    return folder / "ledger" / f"{safe_name(dataset)}.jsonl"


def explain(error: OSError, folder: Path) -> str:
    """One sentence on why the folder could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk that holds {folder} is full; free space and go on with --resume."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{folder} is not writable; choose another folder by --out."
    return f"{folder} cannot be written ({error.strerror}); choose another folder by --out."


class Table:
    """A CSV file that is on disk row by row.

    Args:
        path: the file; started anew unless `append`.
        columns: its header.
        append: keep what is there.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, append: bool = False) -> None:
        self._path = path
        continued = append and path.exists() and path.stat().st_size > 0
        try:
            self._file = path.open("a" if continued else "w", newline="", encoding="utf-8")
        except OSError as error:
            raise RunFolderError(explain(error, path.parent)) from error
        self._writer = csv.writer(self._file, lineterminator="\n")
        if not continued:
            self.write([columns])

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Appends rows and hands them to the system; None becomes an empty cell, floats keep every digit."""
        try:
            self._writer.writerows([["" if v is None else _text(v) for v in row] for row in rows])
            self._file.flush()
        except OSError as error:
            raise RunFolderError(explain(error, self._path.parent)) from error

    def close(self) -> None:
        """Closes the file; may be called again."""
        try:
            self._file.close()
        except OSError as error:
            raise RunFolderError(explain(error, self._path.parent)) from error


def _text(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float) else str(value)


def _check_same(settings_file: Path, settings: ExperimentBase) -> None:
    there = read_settings(settings_file.parent)
    if there.fingerprint == settings.fingerprint:
        return
    old, new = _flat(there.model_dump(mode="json")), _flat(settings.model_dump(mode="json"))
    key = next(k for k in sorted({*old, *new}) if old.get(k) != new.get(k))
    raise RunFolderError(
        f"{settings_file.parent} was made with other settings: {key} is {old.get(key)!r} there and {new.get(key)!r} "
        "here; use the same settings, or another folder by --out."
    )


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat
