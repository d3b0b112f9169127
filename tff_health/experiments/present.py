"""Which of an experiment's datasets are at hand. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from data.catalogue import is_present
from data.errors import SettingsError
from tff_health.experiments.base_settings import ExperimentBase


def present_datasets(settings: ExperimentBase, data_dir: Path | None) -> tuple[ExperimentBase, list[str]]:
    """Leaves out optional datasets whose files are not there.

    Returns:
        The settings of what will run, and one sentence for each dataset left out.

    Raises:
        SettingsError: nothing is left.
    """
    kept, sentences = {}, []
    for name, task in settings.tasks.items():
        source = task.source or name
        if task.optional and not is_present(source, data_dir):
            sentences.append(
                f"{name} was left out: its files are not here; `uv run run_experiments.py data fetch {source}` gets "
                "them, or --data-dir names their folder."
            )
        else:
            kept[name] = task
    if not kept:
        raise SettingsError("no dataset of the experiment is at hand: " + " ".join(sentences))
    return settings.model_copy(update={"datasets": kept}), sentences
