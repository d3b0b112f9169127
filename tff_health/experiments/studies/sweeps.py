"""From template arms and swept settings to the arms of each dataset, on parsed documents."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from data.errors import SettingsError, UnknownNameError
from tff_health.experiments.studies.settings import StudySettings, Sweep, Value

_SEED = "{seed}"
Arms = dict[str, dict[str, Any]]


def check_datasets(study: StudySettings) -> None:
    """Refuses an experiment whose datasets are no tables, and seeds of unknown ones.

    Raises:
        UnknownNameError: seeds of a dataset that is not there.
        SettingsError: a part that should be a table is none.
    """
    datasets = study.experiment.get("datasets", {})
    if not datasets or not isinstance(datasets, dict) or not all(isinstance(task, dict) for task in datasets.values()):
        raise SettingsError("experiment.datasets: expected a table for each dataset.")
    for name in study.dataset_seeds:
        _known("dataset of this study", name, datasets)


def with_arms(study: StudySettings, datasets: dict[str, Any], family: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The datasets with every arm written out; seeds are still to be filled in.

    Args:
        study: its templates and sweeps.
        datasets: variants and all; changed in place.
        family: the variants of every dataset that a sweep may name.

    Raises:
        UnknownNameError: a sweep names an arm or a dataset that is not there.
        SettingsError: a part that should be a table is none, or a setting leads through a value.
    """
    templates: dict[str, dict[str, str]] = {}
    for name, task in datasets.items():
        own = task.get("arms", {})
        if not isinstance(own, dict) or not all(isinstance(arm, dict) for arm in own.values()):
            raise SettingsError(f"experiment.datasets.{name}.arms: expected a table for each arm.")
        written = {arm: merged(study.arms.get(arm, {}), own.get(arm, {})) for arm in {**study.arms, **own}}
        task["arms"], templates[name] = written, {arm: arm for arm in written}
    for sweep in study.sweep:
        for name in sweep.datasets or ():
            _known("dataset of this study", name, family)
        chosen = None if sweep.datasets is None else [one for name in sweep.datasets for one in family[name]]
        _apply(sweep, chosen, datasets, templates)
    return datasets


def fill_seed(value: Any, seed: int) -> Any:
    """The document with the cell's seed wherever it says "{seed}"."""
    if isinstance(value, dict):
        return {key: fill_seed(inner, seed) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill_seed(inner, seed) for inner in value]
    return seed if value == _SEED else value


def swept_name(arm: str, setting: str, value: Value) -> str:
    """`patient`, `privacy.epsilon`, 0.1 -> `patient-epsilon-0.1`."""
    return f"{arm}-{setting.rsplit('.', 1)[-1].replace('_', '-')}-{_text(value)}"


def variant_of(settings: Mapping[str, Any], setting: str, value: Value, where: str) -> dict[str, Any]:
    """The settings with one of them changed.

    Args:
        settings: of an arm or a dataset.
        setting: dotted.
        value: in its place.
        where: for messages.

    Raises:
        SettingsError: the setting leads through a value.
    """
    variant = copy.deepcopy(dict(settings))
    place = variant
    *groups, last = setting.split(".")
    for group in groups:
        place = place.setdefault(group, {})
        if not isinstance(place, dict):
            raise SettingsError(f"{where}: {setting}: {group} holds a value, not a group of settings.")
    place[last] = value
    return variant


def _apply(
    sweep: Sweep, named: list[str] | None, datasets: dict[str, Any], templates: dict[str, dict[str, str]]
) -> None:
    everywhere = [name for name in datasets if sweep.arm in set(templates[name].values())]
    chosen = everywhere if named is None else named
    if not chosen:
        raise UnknownNameError.among(
            "arm of this study", sweep.arm, dict.fromkeys(arm for own in templates.values() for arm in own.values())
        )
    for name in chosen:
        _known(f"arm of {name}", sweep.arm, templates[name].values())
        arms: Arms = {}
        origin: dict[str, str] = {}
        for arm, settings in datasets[name]["arms"].items():
            template = templates[name][arm]
            variants = _variants(arm, settings, sweep) if template == sweep.arm else {arm: settings}
            for variant in variants:
                if variant in arms:
                    raise SettingsError(f"sweep of {sweep.arm}: {name} has two arms named {variant!r}; rename one.")
            arms |= variants
            origin |= dict.fromkeys(variants, template)
        datasets[name]["arms"], templates[name] = arms, origin


def _variants(arm: str, settings: Mapping[str, Any], sweep: Sweep) -> Arms:
    found: Arms = {}
    last = sweep.setting.rsplit(".", 1)[-1]
    for value in sweep.values:
        variant = variant_of(settings, sweep.setting, value, f"sweep of {sweep.arm}")
        title = str(settings.get("title") or arm)
        variant["title"] = f"{title}, {last.replace('_', ' ')} {_text(value)}"
        found[swept_name(arm, sweep.setting, value)] = variant
    return found


def merged(template: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The template with one's own values in place, table by table."""
    found = copy.deepcopy(dict(template))
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else copy.deepcopy(value)
    return found


def _known(what: str, name: str, known: Any) -> None:
    if name not in set(known):
        raise UnknownNameError.among(what, name, dict.fromkeys(known))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text)
