"""The repeated splits of a dataset: what is asked of its loader, and whether it gives what was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import SettingsError, TffHealthError, clip
from data.federation import Federation
from data.modality import load_table_dataset
from tff_health.experiments.synthesis.fitting import training_matrices
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.runtime.seeds import integer_seed

_LARGEST_SEED = 2**32 - 1


def split_seed(settings: SynthesisSettings, name: str, split: int) -> int:
    """The `split_seed` that a dataset is loaded with: the first split's and those after it.

    The first is the options' own; where they have none, FLamby's fixed one for its protocol, else the experiment's
    seed.

    Args:
        settings: of the experiment.
        name: the dataset in the settings.
        split: from 0.

    Raises:
        SettingsError: the options' seed is no whole number, or too large for so many splits.
    """
    task = settings.datasets[name]
    first = task.options.get("split_seed")
    if first is None:
        first = _protocols_seed(task.source or name, task.options)
    if first is None:
        first = settings.seed
    last = settings.splits_of(name) - 1
    if isinstance(first, bool) or not isinstance(first, int) or not 0 <= first <= _LARGEST_SEED - last:
        raise SettingsError(
            f"datasets.{name}: split_seed = {clip(repr(first))} must be a whole number from 0 to "
            f"{_LARGEST_SEED - last}, as {last + 1} splits count on from it."
        )
    return first + split


def _protocols_seed(source: str, options: Mapping[str, Any]) -> int | None:
    """The seed that a published protocol fixes for its split."""
    if source != "heart_disease" or options.get("protocol", "flamby") != "flamby":
        return None
    from data.heart_disease import FLAMBY_SPLIT_SEED

    return FLAMBY_SPLIT_SEED


def scoring_seed(settings: SynthesisSettings, name: str, split: int) -> int:
    """Of forests, attacks and resamples of one split."""
    return integer_seed(settings.seed, "scoring", name, split)


def load_split(settings: SynthesisSettings, name: str, split: int, *, data_dir: Path | None) -> Federation:
    """The hospitals with the train/test division of one split; errors as in `load_table_dataset`."""
    task = settings.datasets[name]
    options = {**task.options, "split_seed": split_seed(settings, name, split)}
    return load_table_dataset(task.source or name, options, data_dir=data_dir, seed=settings.seed)


def load_first_split(settings: SynthesisSettings, name: str, *, data_dir: Path | None) -> Federation:
    """The first split, as the run will load it, for checks before anything starts.

    Raises:
        SettingsError: the dataset does not take `split_seed`.
        TffHealthError: see `load_table_dataset`.
    """
    split_seed(settings, name, 0)
    try:
        return load_split(settings, name, 0, data_dir=data_dir)
    except Exception as error:
        task = settings.datasets[name]
        if "split_seed" in task.options and isinstance(error, TffHealthError):
            raise
        # A user's loader may refuse what it does not know in any way it likes; what counts is whether it works without.
        options = {key: value for key, value in task.options.items() if key != "split_seed"}
        # What else is wrong is said by this.
        load_table_dataset(task.source or name, options, data_dir=data_dir, seed=settings.seed)
        said = clip(str(error).rstrip("."), 200)
        raise SettingsError(
            f"datasets.{name}: datasets of a synthesis experiment must take the option split_seed, which alone tells "
            f"its splits apart, and {task.source or name} refuses it ({said})."
        ) from error


def check_splits(settings: SynthesisSettings, name: str, first: Federation, *, data_dir: Path | None) -> None:
    """Loads every split and compares their training rows.

    Args:
        settings: of the experiment.
        name: the dataset in the settings.
        first: its first split.
        data_dir: where data files lie.

    Raises:
        SettingsError: two splits have the same training rows: their interval would speak of nothing.
        TffHealthError: see `load_table_dataset`.
    """
    seen = {fingerprint(training_matrices(first)): 0}
    for split in range(1, settings.splits_of(name)):
        federation = load_split(settings, name, split, data_dir=data_dir)
        before = seen.setdefault(fingerprint(training_matrices(federation)), split)
        if before != split:
            seeds = " and ".join(str(split_seed(settings, name, which)) for which in (before, split))
            raise SettingsError(
                f"datasets.{name}: splits {before + 1} and {split + 1} have the same training patients; the dataset "
                f"must divide its patients by the option split_seed (here {seeds}), or set splits = {split}."
            )


def fingerprint(matrices: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over the training rows: a resumed run must see the same patients."""
    digest = hashlib.sha256()
    for name, matrix in matrices.items():
        digest.update(f"{name}\0{matrix.shape}".encode())
        digest.update(np.ascontiguousarray(matrix).tobytes())
    return digest.hexdigest()
