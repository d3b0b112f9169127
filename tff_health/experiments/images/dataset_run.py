"""One dataset of an experiment on images: its cells, wherever they run, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tff_health.experiments.events import Listener
from tff_health.experiments.extensions import load_extensions
from tff_health.experiments.images.cells import ImageCells
from tff_health.experiments.images.image_source import ImageSource
from tff_health.experiments.images.loaded_images import LoadedImages
from tff_health.experiments.images.outcome import images_dataset_result
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.experiments.images.workload import image_units
from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.units import Unit
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.reporting.results import DatasetResult
from tff_health.runtime.signals import InterruptGuard

if TYPE_CHECKING:
    from tff_health.experiments.apart.hospitals import Hospitals


def run_images(
    settings: ImagesSettings,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    hospitals: Hospitals | None = None,
) -> DatasetResult:
    """Runs, or goes on with, all cells of one dataset in this process: see `kinds.run_dataset`."""
    load_extensions(settings.extensions)
    source: ImageSource
    source = LoadedImages(settings, name, data_dir) if hospitals is None else hospitals.images(settings, name)
    cells = ImageCells(settings, name, folder, listener, guard, source)
    with source.context():
        for unit in image_units(settings, name):
            cells.run(unit)
    return _result(cells)


def run_image_cell(
    settings: ImagesSettings,
    unit: Unit,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
) -> None:
    """Runs one cell, which leaves its results in the run folder: see `kinds.run_unit`."""
    load_extensions(settings.extensions)
    source = LoadedImages(settings, unit.dataset, data_dir)
    ImageCells(settings, unit.dataset, folder, listener, guard, source).run(unit)


def images_result(
    settings: ImagesSettings,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
) -> DatasetResult:
    """What all cells of a dataset, done before, come to."""
    return _result(ImageCells(settings, name, folder, listener, guard, LoadedImages(settings, name, data_dir)))


def _result(cells: ImageCells) -> DatasetResult:
    cells.listener.stage(f"{cells.name}: scoring")
    finished = [cell for unit in image_units(cells.settings, cells.name) for cell in cells.finished(unit)]
    with PrivacyLedger(ledger_file(cells.folder, cells.name), read_only=True) as ledger:
        return images_dataset_result(
            cells.settings, cells.name, cells.source.federation, finished, ledger, hiding=cells.source.hiding
        )
