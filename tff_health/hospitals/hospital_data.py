"""A hospital's patients, read and checked by its own process, for its worker's computations. No TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from data.catalogue import load_dataset
from data.errors import DataError
from data.federation import Federation
from data.image_federation import ImageFederation
from tff_health.hospitals.held_facts import DATA_FOLDER
from tff_health.hospitals.held_images import ImageFacts, image_facts, write_held_images
from tff_health.hospitals.held_table import TableFacts, table_facts, write_held_table
from tff_health.hospitals.hospital_folder import HospitalSettings

_SEED = 0  # of a split that the settings leave open: the same in every start
Facts = TableFacts | ImageFacts


def held_federations(folder: Path, settings: HospitalSettings) -> Iterator[tuple[str, Federation | ImageFederation]]:
    """Every dataset of a hospital, read and checked.

    Args:
        folder: the hospital's.
        settings: what it holds.

    Raises:
        TffHealthError: a file is missing or cannot be used: names file, column and remedy.
        DataError: a dataset has other hospitals' patients too.
    """
    for name, held in settings.datasets.items():
        federation = load_dataset(held.source, held.options, data_dir=folder / held.folder, seed=_SEED)
        if len(federation.hospitals) != 1:
            what = "put the one CSV file of" if isinstance(federation, Federation) else "put the images of"
            raise DataError(
                f"{name}: {folder / held.folder} holds {len(federation.hospitals)} hospitals; {what} {settings.name!r} "
                "there, and no other's (datasets that simulate hospitals take options = { hospitals = 1 })."
            )
        yield name, federation


def published(federation: Federation | ImageFederation) -> Facts:
    """What a federation of one hospital publishes."""
    if isinstance(federation, Federation):
        return table_facts(federation, federation.hospitals[0])
    return image_facts(federation, federation.hospitals[0], federation.test)


def store_patients(folder: Path, work: Path, settings: HospitalSettings) -> dict[str, Facts]:
    """Writes all of a hospital's datasets anew into its worker's folder, and removes what was there.

    Returns:
        What is published of each.

    Raises:
        TffHealthError: see `held_federations`; nothing is written then.
    """
    loaded = list(held_federations(folder, settings))
    shutil.rmtree(work / DATA_FOLDER, ignore_errors=True)
    stored: dict[str, Facts] = {}
    for name, federation in loaded:
        if isinstance(federation, Federation):
            stored[name] = write_held_table(work, name, federation, federation.hospitals[0])
        else:
            stored[name] = write_held_images(work, name, federation, federation.hospitals[0], federation.test)
    return stored
