"""The kinds of experiment, told apart by `kind` in the settings. Imports nothing heavy until one runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UnknownNameError
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.settings import ExperimentSettings
from tff_health.experiments.synthesis.settings import SynthesisSettings

if TYPE_CHECKING:
    from tff_health.experiments.events import Listener
    from tff_health.reporting.results import DatasetResult, Reference, Results
    from tff_health.runtime.signals import InterruptGuard

KINDS: dict[str, type[ExperimentBase]] = {"classification": ExperimentSettings, "synthesis": SynthesisSettings}


def settings_class(document: Mapping[str, Any]) -> type[ExperimentBase]:
    """The settings that a document is to be read as; without `kind`, those of a classification.

    Raises:
        UnknownNameError: no such kind.
    """
    name = str(document.get("kind", "classification"))
    if name not in KINDS:
        raise UnknownNameError.among("kind of experiment", name, KINDS)
    return KINDS[name]


def check_dataset(settings: ExperimentBase, name: str, *, data_dir: Path | None = None) -> None:
    """Loads a dataset and says what stands against its arms, before TensorFlow is imported and a folder is made.

    Raises:
        TffHealthError: the data cannot be loaded, or rows or settings nothing can be trained on.
    """
    if isinstance(settings, SynthesisSettings):
        from tff_health.experiments.synthesis.checks import check_synthesis
        from tff_health.experiments.synthesis.splits import check_splits, load_first_split

        federation = load_first_split(settings, name, data_dir=data_dir).require_trainable().require_scored()
        check_synthesis(settings, name, federation)
        check_splits(settings, name, federation, data_dir=data_dir)
    elif isinstance(settings, ExperimentSettings):
        from data.modality import load_table_dataset
        from tff_health.experiments.privacy_checks import check_privacy

        task = settings.tasks[name]
        federation = load_table_dataset(task.source or name, task.options, data_dir=data_dir, seed=settings.seed)
        check_privacy(settings, name, federation.require_trainable().require_scored())


def dataset_work(settings: ExperimentBase, name: str) -> float:
    """How much a dataset is, in units of the progress bar."""
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
    from tff_health.experiments.run_folder import PREDICTION_COLUMNS, ROUND_COLUMNS, TIMING_COLUMNS

    return {"rounds": ROUND_COLUMNS, "timings": TIMING_COLUMNS, "predictions": PREDICTION_COLUMNS}


def references(settings: ExperimentBase, results: Results) -> list[Reference]:
    """Published values beside ours."""
    if isinstance(settings, SynthesisSettings):
        from tff_health.reporting.synthesis.references import synthesis_references

        return list(synthesis_references(results))
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
) -> DatasetResult:
    """Runs, or goes on with, one dataset of an experiment.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        folder: the run folder.
        listener: told of rows and progress.
        guard: asked between steps whether the user wants to stop.
        data_dir: where data files lie.

    Returns:
        The dataset's part of results.json.

    Raises:
        TffHealthError: the data cannot be used, the folder cannot be written, or the user stopped the run.
    """
    if isinstance(settings, SynthesisSettings):
        from tff_health.experiments.synthesis.dataset_run import run_synthesis

        return run_synthesis(settings, name, folder, listener, guard, data_dir=data_dir)
    assert isinstance(settings, ExperimentSettings)
    from tff_health.experiments import dataset_run

    return dataset_run.run_dataset(settings, name, folder, listener, guard, data_dir=data_dir)
