"""The kinds of experiment, told apart by `kind` in the settings. Imports nothing heavy until one runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UnknownNameError
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.experiments.settings import ExperimentSettings
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.experiments.units import Unit

if TYPE_CHECKING:
    from tff_health.experiments.apart.hospitals import Hospitals
    from tff_health.experiments.events import Listener
    from tff_health.reporting.results import DatasetResult, Reference, Results
    from tff_health.runtime.signals import InterruptGuard

KINDS: dict[str, type[ExperimentBase]] = {
    "classification": ExperimentSettings,
    "synthesis": SynthesisSettings,
    "images": ImagesSettings,
}


def settings_class(document: Mapping[str, Any]) -> type[ExperimentBase]:
    """The settings that a document is to be read as; without `kind`, those of a classification.

    Raises:
        UnknownNameError: no such kind.
    """
    name = str(document.get("kind", "classification"))
    if name not in KINDS:
        raise UnknownNameError.among("kind of experiment", name, KINDS)
    return KINDS[name]


def check_dataset(
    settings: ExperimentBase, name: str, *, data_dir: Path | None = None, hospitals: Hospitals | None = None
) -> None:
    """Loads a dataset and says what stands against its arms, before a folder is made and TensorFlow is imported.

    Where hospitals are apart they are asked what they hold, which takes TensorFlow.

    Raises:
        TffHealthError: the data cannot be loaded, or rows or settings nothing can be trained on.
    """
    if isinstance(settings, SynthesisSettings):
        from tff_health.experiments.synthesis.checks import check_synthesis
        from tff_health.experiments.synthesis.splits import check_splits, load_first_split

        if hospitals is not None:
            check_synthesis(settings, name, hospitals.federation(name))
            return
        federation = load_first_split(settings, name, data_dir=data_dir).require_trainable().require_scored()
        check_synthesis(settings, name, federation)
        check_splits(settings, name, federation, data_dir=data_dir)
    elif isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.checks import check_images
        from tff_health.experiments.images.loaded_images import load_images

        if hospitals is not None:
            check_images(settings, name, hospitals.image_federation(name))
            return
        images = load_images(settings, name, data_dir=data_dir).require_trainable().require_scored()
        check_images(settings, name, images)
    elif isinstance(settings, ExperimentSettings):
        from data.modality import load_table_dataset
        from tff_health.experiments.privacy_checks import check_privacy

        if hospitals is not None:
            check_privacy(settings, name, hospitals.federation(name))
            return
        task = settings.tasks[name]
        federation = load_table_dataset(task.source or name, task.options, data_dir=data_dir, seed=settings.seed)
        check_privacy(settings, name, federation.require_trainable().require_scored())


def units(settings: ExperimentBase, name: str) -> list[Unit]:
    """What of a dataset can run in a process of its own, in the order of tables."""
    if isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.workload import image_units

        return image_units(settings, name)
    return [Unit(name)]


def threads(settings: ExperimentBase) -> int | None:
    """How many threads a process of the experiment computes with; None leaves it to how many there are.

    Sums over an image's pixels are cut into as many pieces as there are threads, and their last digits follow.
    """
    return 1 if isinstance(settings, ImagesSettings) else None


def unit_work(settings: ExperimentBase, unit: Unit) -> float:
    """How much a unit is, in units of the progress bar."""
    if isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.workload import cell_work

        return cell_work(settings, unit.dataset, unit.arm)
    return _dataset_work(settings, unit.dataset)


def _dataset_work(settings: ExperimentBase, name: str) -> float:
    if isinstance(settings, SynthesisSettings):
        from tff_health.experiments.synthesis.workload import synthesis_work

        return synthesis_work(settings, name)
    assert isinstance(settings, ExperimentSettings)
    from tff_health.experiments import workload

    return float(workload.dataset_work(settings, name))


def tables(settings: ExperimentBase) -> dict[str, Sequence[str]]:
    """The growing tables of a run folder, by name, with their columns."""
    if isinstance(settings, SynthesisSettings):
        from tff_health.experiments.synthesis.tables import SYNTHESIS_TABLES

        return dict(SYNTHESIS_TABLES)
    if isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.tables import IMAGE_TABLES

        return dict(IMAGE_TABLES)
    from tff_health.experiments.run_folder import PREDICTION_COLUMNS, ROUND_COLUMNS, TIMING_COLUMNS

    return {"rounds": ROUND_COLUMNS, "timings": TIMING_COLUMNS, "predictions": PREDICTION_COLUMNS}


def references(settings: ExperimentBase, results: Results) -> list[Reference]:
    """Published values beside ours."""
    if isinstance(settings, SynthesisSettings):
        from tff_health.reporting.synthesis.references import synthesis_references

        return list(synthesis_references(results))
    if isinstance(settings, ImagesSettings):
        from tff_health.reporting.images.references import image_references

        return list(image_references(results))
    from tff_health.reporting.paper import compare
    from tff_health.reporting.peers import compare_with_peers

    return [*compare(results), *compare_with_peers(results)]


def run_dataset(
    settings: ExperimentBase,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    hospitals: Hospitals | None = None,
) -> DatasetResult:
    """Runs, or goes on with, one dataset of an experiment.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        folder: the run folder.
        listener: told of rows and progress.
        guard: asked between steps whether the user wants to stop.
        data_dir: where data files lie.
        hospitals: that hold the rows, where these are apart.

    Returns:
        The dataset's part of results.json.

    Raises:
        TffHealthError: the data cannot be used, the folder cannot be written, or the user stopped the run.
    """
    if isinstance(settings, SynthesisSettings):
        from tff_health.experiments.synthesis.dataset_run import run_synthesis

        return run_synthesis(settings, name, folder, listener, guard, data_dir=data_dir, hospitals=hospitals)
    if isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.dataset_run import run_images

        return run_images(settings, name, folder, listener, guard, data_dir=data_dir, hospitals=hospitals)
    assert isinstance(settings, ExperimentSettings)
    from tff_health.experiments import dataset_run

    return dataset_run.run_dataset(settings, name, folder, listener, guard, data_dir=data_dir, hospitals=hospitals)


def run_unit(
    settings: ExperimentBase,
    unit: Unit,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
) -> None:
    """Runs, or goes on with, one unit, which leaves its result in the run folder; arguments as in `run_dataset`."""
    if isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.dataset_run import run_image_cell

        run_image_cell(settings, unit, folder, listener, guard, data_dir=data_dir)
        return
    from tff_health.experiments.run_folder import result_file
    from tff_health.reporting.atomic import write_atomically

    result = run_dataset(settings, unit.dataset, folder, listener, guard, data_dir=data_dir)
    write_atomically(result_file(folder, unit.dataset), result.model_dump_json(by_alias=True).encode())


def collect_dataset(
    settings: ExperimentBase,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
) -> DatasetResult:
    """What all units of a dataset, run before by `run_unit`, come to; arguments as in `run_dataset`."""
    if isinstance(settings, ImagesSettings):
        from tff_health.experiments.images.dataset_run import images_result

        return images_result(settings, name, folder, listener, guard, data_dir=data_dir)
    from tff_health.experiments.run_folder import result_file
    from tff_health.reporting.results import DatasetResult

    return DatasetResult.model_validate_json(result_file(folder, name).read_text("utf-8"))
