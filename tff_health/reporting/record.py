"""A run folder in memory, and the one record that every figure is a function of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from data.federation import Federation
from tff_health.reporting.atomic import ReportError
from tff_health.reporting.images.pictures import read_pictures
from tff_health.reporting.results import DatasetResult, Results, load_results

ROUND_COLUMNS = (
    *(
        "dataset",
        "arm",
        "seed",
        "round",
        "train_loss",
        "loss",
        "accuracy",
        "auc",
        "sensitivity",
        "specificity",
    ),
    *("f1", "brier", "ece", "epsilon", "seconds"),
)
PREDICTION_COLUMNS = ("dataset", "arm", "seed", "hospital", "patient", "label", "score")
_TEXT_COLUMNS = ("dataset", "arm", "hospital")


@dataclass(frozen=True)
class RunRecord:
    """One dataset of a run, as figures see it.

    Attributes:
        results: the whole of results.json.
        dataset_name: the dataset in view, a key of `results.datasets`.
        rounds: the dataset's rows of rounds.csv (`ROUND_COLUMNS`); empty where the file is missing.
        predictions: the dataset's rows of predictions.csv (`PREDICTION_COLUMNS`): label 0 or 1 and score in
            [0, 1] of each held-out patient in the final round; empty where the file is missing.
        simulated: the dataset's rows where they are simulated and at hand, else None. Never real patients: a
            figure that draws single rows must draw simulated ones only.
        folder: the run folder, where pictures lie; None for a record without one.
    """

    results: Results
    dataset_name: str
    rounds: pd.DataFrame
    predictions: pd.DataFrame
    simulated: Federation | None = None
    folder: Path | None = None

    @property
    def dataset(self) -> DatasetResult:
        """The results of the dataset in view."""
        return self.results.datasets[self.dataset_name]

    def pictures(self, file: str) -> dict[str, np.ndarray]:
        """The arrays of a file of pictures, by name; none where no file is named.

        Raises:
            ReportError: as in `read_pictures`.
        """
        return read_pictures(self.folder, file) if file and self.folder is not None else {}

    def first_seed(self, arm: str) -> pd.DataFrame:
        """The arm's held-out predictions under the run's first seed; empty where there are none."""
        rows = self.predictions[self.predictions["arm"] == arm]
        return rows[rows["seed"] == rows["seed"].iloc[0]] if len(rows) else rows


@dataclass(frozen=True)
class Run:
    """A run folder as read.

    Attributes:
        folder: where it stands.
        results: results.json.
        rounds: rounds.csv, empty where it is missing.
        predictions: predictions.csv, empty where it is missing.
        settings: settings.toml as text, empty where it is missing.
        simulated: simulated federations by dataset name.
    """

    folder: Path
    results: Results
    rounds: pd.DataFrame
    predictions: pd.DataFrame
    settings: str = ""
    simulated: dict[str, Federation] = field(default_factory=dict)

    def record(self, dataset: str) -> RunRecord:
        """The record of one dataset."""
        return RunRecord(
            self.results,
            dataset,
            self.rounds[self.rounds["dataset"] == dataset],
            self.predictions[self.predictions["dataset"] == dataset],
            self.simulated.get(dataset),
            self.folder,
        )


def load_run(folder: Path) -> Run:
    """Reads a run folder; results.json is needed, the rest is used where it is there.

    Raises:
        ReportError: the folder or its results.json is missing or unusable, or a table lacks a column.
    """
    if not folder.is_dir():
        raise ReportError(f"{folder} is not a folder: name a run folder, which holds results.json.")
    results = load_results(folder / "results.json")
    settings = folder / "settings.toml"
    try:
        text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{settings} cannot be read ({error}): restore the file or run again.") from error
    return Run(
        folder,
        results,
        read_table(folder / "rounds.csv", ROUND_COLUMNS, needed=("dataset", "arm", "seed", "round")),
        read_table(folder / "predictions.csv", PREDICTION_COLUMNS, needed=PREDICTION_COLUMNS),
        text,
    )


def read_table(path: Path, columns: tuple[str, ...], needed: tuple[str, ...]) -> pd.DataFrame:
    """Reads a CSV of a run folder; a missing file gives an empty frame with these columns.

    Raises:
        ReportError: the file cannot be parsed, a needed column is missing or a number column holds text.
    """
    if not path.exists():
        return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    numbers = [name for name in columns if name not in _TEXT_COLUMNS]
    try:
        # Names are text even where a hospital is called "1" or "NA".
        frame = pd.read_csv(
            path,
            dtype=dict.fromkeys(_TEXT_COLUMNS, str),
            keep_default_na=False,
            na_values={name: ["", "nan", "NaN", "None"] for name in numbers},
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ReportError(f"{path} cannot be read ({error}): restore the file or run again.") from error
    for name in needed:
        if name not in frame.columns:
            raise ReportError(f"{path} has no column {name!r}: restore the file or run again.")
    for name in numbers:
        if len(frame) and name in frame.columns and not pd.api.types.is_numeric_dtype(frame[name]):
            raise ReportError(f"{path}, column {name!r} holds text where numbers belong: restore the file.")
    return frame
