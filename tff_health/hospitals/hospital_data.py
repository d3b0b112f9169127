"""A hospital's patients, read and checked by its own process, for its worker's computations. No TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from data.catalogue import load_dataset
from data.errors import DataError
from data.federation import Federation
from tff_health.hospitals.held_table import DATA_FOLDER, TableFacts, write_held_table
from tff_health.hospitals.hospital_folder import HospitalSettings

_SEED = 0  # of a split that the settings leave open: the same in every start


def held_federations(folder: Path, settings: HospitalSettings) -> Iterator[tuple[str, Federation]]:
    """Every dataset of a hospital, read and checked.

    Args:
        folder: the hospital's.
        settings: what it holds.

    Raises:
        TffHealthError: a file is missing or cannot be used: names file, column and remedy.
        DataError: a dataset has other hospitals' rows too, or holds images.
    """
    for name, held in settings.datasets.items():
        federation = load_dataset(held.source, held.options, data_dir=folder / held.folder, seed=_SEED)
        if not isinstance(federation, Federation):
            raise DataError(f"{name}: {held.source} holds images, and hospitals that are apart hold tables so far.")
        if len(federation.hospitals) != 1:
            raise DataError(
                f"{name}: {folder / held.folder} holds {len(federation.hospitals)} hospitals; put the one CSV file of "
                f"{settings.name!r} there, and no other."
            )
        yield name, federation


def store_patients(folder: Path, work: Path, settings: HospitalSettings) -> dict[str, TableFacts]:
    """Writes all of a hospital's datasets anew into its worker's folder, and removes what was there.

    Returns:
        What is published of each.

    Raises:
        TffHealthError: see `held_federations`; nothing is written then.
    """
    loaded = list(held_federations(folder, settings))
    shutil.rmtree(work / DATA_FOLDER, ignore_errors=True)
    return {name: write_held_table(work, name, federation, federation.hospitals[0]) for name, federation in loaded}
