"""The grid of a study beyond its arms: datasets in several variants, and what is left out."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from data.errors import SettingsError, UnknownNameError
from tff_health.experiments.studies.settings import Exclusion, StudySettings
from tff_health.experiments.studies.sweeps import check_datasets, swept_name, variant_of, with_arms

Family = dict[str, tuple[str, ...]]
"""A dataset of the file -> the datasets that stand in its place."""


def expanded(study: StudySettings) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """The study's experiment with all datasets and arms written out, and the seeds of every dataset's cells.

    Seeds within the settings are still to be filled in.

    Raises:
        UnknownNameError: a dataset or an arm that is not there.
        SettingsError: see `with_arms`, `varied`, `without_excluded_arms` and `excluded_cells`.
    """
    check_datasets(study)
    datasets, family = varied(study)
    datasets = without_excluded_arms(study, with_arms(study, datasets, family))
    seeds = {name: study.seeds_of(origin) for origin, names in family.items() for name in names}
    dropped = excluded_cells(study, seeds)
    seeds = {name: tuple(seed for seed in own if (name, seed) not in dropped) for name, own in seeds.items()}
    for name in study.quick_datasets:
        if name not in datasets and not study.quick_form:  # whose variants are fewer
            raise UnknownNameError.among("quick_datasets: dataset of this study", name, datasets)
    wanted = study.quick_datasets if study.quick_form and study.quick_datasets else tuple(datasets)
    left = {name: task for name, task in datasets.items() if seeds[name] and name in wanted}
    if not left:
        raise SettingsError("exclude leaves no cell of the study.")
    return {**study.experiment, "datasets": left}, seeds


def varied(study: StudySettings) -> tuple[dict[str, Any], Family]:
    """The study's datasets with every variant written out, each naming what it is drawn from as its `source`.

    Args:
        study: validated settings, whose datasets are tables.

    Raises:
        UnknownNameError: a variation of a dataset that is not there.
        SettingsError: two datasets of one name, or a setting that leads through a value.
    """
    datasets = copy.deepcopy(dict(study.experiment["datasets"]))
    family: Family = {name: (name,) for name in datasets}
    for variation in study.vary:
        if variation.dataset not in family:
            raise UnknownNameError.among("dataset of this study", variation.dataset, family)
        mine, found = family[variation.dataset], dict[str, Any]()
        for name, task in datasets.items():
            if name not in mine:
                found[name] = task
                continue
            for value in variation.values:
                variant = variant_of(task, variation.setting, value, f"vary {variation.dataset}")
                variant.setdefault("source", name)
                called = swept_name(name, variation.setting, value)
                if called in found or called in datasets:
                    raise SettingsError(f"vary {variation.dataset}: two datasets are named {called!r}; rename one.")
                found[called] = variant
        family[variation.dataset] = tuple(
            swept_name(name, variation.setting, value) for name in mine for value in variation.values
        )
        datasets = found
    return datasets, family


def without_excluded_arms(study: StudySettings, datasets: Mapping[str, Any]) -> dict[str, Any]:
    """The datasets without the arms that are excluded there.

    Args:
        study: its exclusions.
        datasets: by name, arms written out.

    Raises:
        SettingsError: an exclusion that excludes nothing, or leaves a dataset no arm.
    """
    kept = {name: dict(task) for name, task in datasets.items()}
    for exclusion in study.exclude:
        if exclusion.arm is None:
            continue
        hit = False
        for name, task in kept.items():
            if _fits(name, exclusion.dataset):
                left = {arm: own for arm, own in task["arms"].items() if not _fits(arm, exclusion.arm)}
                hit = hit or len(left) < len(task["arms"])
                if study.reference in task["arms"] and study.reference not in left:
                    raise SettingsError(
                        f"{_words(exclusion)} takes {study.reference} out of {name}, with which arms are compared; "
                        "exclude the dataset, or name another reference."
                    )
                task["arms"] = left
                if not left:
                    raise SettingsError(f"{_words(exclusion)} leaves {name} without arms; exclude the dataset.")
        if not hit and not study.quick_form:
            raise SettingsError(f"{_words(exclusion)} excludes nothing; `--dry-run` lists datasets and arms.")
    return kept


def excluded_cells(study: StudySettings, cells: Mapping[str, tuple[int, ...]]) -> set[tuple[str, int]]:
    """The cells (dataset, seed) that are excluded whole.

    Args:
        study: its exclusions.
        cells: seeds by dataset.

    Raises:
        SettingsError: an exclusion that excludes nothing.
    """
    found: set[tuple[str, int]] = set()
    for exclusion in study.exclude:
        if exclusion.arm is not None:
            continue
        hit = {
            (name, seed)
            for name, seeds in cells.items()
            if _fits(name, exclusion.dataset)
            for seed in seeds
            if exclusion.seeds is None or seed in exclusion.seeds
        }
        if not hit and not study.quick_form:
            raise SettingsError(f"{_words(exclusion)} excludes nothing; `--dry-run` lists datasets and seeds.")
        found |= hit
    return found


def _fits(name: str, pattern: str) -> bool:
    """Whether a name is of the pattern, in which `*` stands for anything and all else for itself."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _words(exclusion: Exclusion) -> str:
    given = {"dataset": exclusion.dataset, "arm": exclusion.arm, "seeds": exclusion.seeds}
    shown = ", ".join(
        f"{key} = {list(v) if isinstance(v, tuple) else v!r}" for key, v in given.items() if v is not None
    )
    return f"exclude ({shown})"
