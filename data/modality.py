"""Loading a dataset of one modality, tables or images, and refusing one of the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.catalogue import find_dataset, load_dataset
from data.errors import SettingsError
from data.federation import Federation
from data.image_federation import ImageFederation


def load_table_dataset(
    name: str, settings: Mapping[str, Any], *, data_dir: Path | None = None, seed: int = 0
) -> Federation:
    """As `load_dataset`, for what works on tables alone.

    Raises:
        SettingsError: as in `load_dataset`, or the dataset holds images; said before files are looked for.
        UnknownNameError: see `load_dataset`.
        DataError: see `load_dataset`.
    """
    federation = None if find_dataset(name).images else load_dataset(name, settings, data_dir=data_dir, seed=seed)
    if not isinstance(federation, Federation):
        raise SettingsError(
            f"the dataset {name} holds images, and this kind of experiment works on tables; choose a dataset of "
            "tables such as breast_cancer, or a kind of experiment for images."
        )
    return federation


def load_image_dataset(
    name: str, settings: Mapping[str, Any], *, data_dir: Path | None = None, seed: int = 0
) -> ImageFederation:
    """As `load_dataset`, for what works on images alone.

    Raises:
        SettingsError: as in `load_dataset`, or the dataset holds a table.
        UnknownNameError: see `load_dataset`.
        DataError: see `load_dataset`.
    """
    federation = load_dataset(name, settings, data_dir=data_dir, seed=seed)
    if not isinstance(federation, ImageFederation):
        raise SettingsError(
            f"the dataset {name} holds a table, and this kind of experiment works on images; choose a dataset of "
            "images such as xray_phantom, or a kind of experiment for tables."
        )
    return federation
