"""A user's own hospitals: a folder with one CSV file a hospital, and a schema that all of them follow."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from data.csv_rows import read_csv_rows
from data.errors import DataError, clip
from data.federation import Federation, Hospital
from data.hospital_names import check_hospital_names
from data.hospitals import stratified_split
from data.schema import Schema
from data.streams import stream


def load_tables(
    folder: Path,
    schema: Schema,
    *,
    title: str,
    kind: Literal["real", "simulated"],
    source: str,
    licence: str,
    name: str = "tables",
    test_fraction: float = 0.25,
    split_seed: int = 0,
) -> Federation:
    """Every `*.csv` of a folder as a hospital named like its file, each with rows held out.

    Files are UTF-8 with a header line; cells that are empty or `?`, `NA`, `NaN`, `null` are missing; columns
    that the schema does not name are dropped. A file's name is only ever used as a name: nothing is written.

    Args:
        folder: holds the files; subfolders and other files are left alone.
        schema: shared by all files.
        title: for people.
        kind: whether the rows are patients or simulated.
        source: where the rows come from, citable.
        licence: the data's licence.
        name: the dataset's name.
        test_fraction: share of each hospital's rows held out, stratified by the target.
        split_seed: seed of the splits; a hospital's split depends on its own name and rows alone.

    Returns:
        Hospitals in the order of their names, all with both classes in their training rows.

    Raises:
        DataError: no such folder, no CSV file in it, or a file that cannot be used: empty, header only, no
            UTF-8, a column missing, text in a number column, a value out of bounds, an unknown code, a single
            class.
        SettingsError: `test_fraction` lies outside (0, 1).
    """
    hospitals = []
    for path in csv_files(folder):
        shown = clip(str(path), 200)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {shown}: {error.strerror or error}.") from error
        frame = schema.check(read_csv_rows(content, shown), shown)
        labels = (frame[schema.target] == schema[schema.target].codes[1]).to_numpy()
        own_seed = int(stream(split_seed, name, path.stem).integers(2**63))
        train, test = stratified_split(labels, test_fraction, own_seed)
        hospitals.append(
            Hospital(
                path.stem,
                frame.iloc[train].reset_index(drop=True),
                frame.iloc[test].reset_index(drop=True),
            )
        )
    return Federation(
        name=name,
        title=title,
        kind=kind,
        schema=schema,
        hospitals=tuple(hospitals),
        source=source,
        licence=licence,
        protocol=(
            f"One CSV file a hospital; {test_fraction:.0%} of each hospital's rows held out, stratified by "
            f"{schema.target} (split seed {split_seed})."
        ),
    ).require_trainable()


def csv_files(folder: Path) -> list[Path]:
    """The `*.csv` of a folder by name, one a hospital.

    Raises:
        DataError: there is no such folder, no such file in it, or a file whose name cannot be a hospital's.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {clip(str(folder), 200)}; name the one that holds the CSV files.")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    if not paths:
        raise DataError(f"{clip(str(folder), 200)} holds no .csv file; put one file a hospital into it.")
    check_hospital_names(clip(str(folder), 200), [path.stem for path in paths])
    return paths
