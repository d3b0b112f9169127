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


def expand(study: StudySettings) -> dict[str, Any]:
    """The study's experiment with every arm written out; seeds are still to be filled in.

    Raises:
        UnknownNameError: a sweep names an arm or a dataset that is not there.
        SettingsError: a part that should be a table is none, or a setting leads through a value.
    """
    document = copy.deepcopy(study.experiment)
    datasets = document.get("datasets", {})
    if not datasets or not isinstance(datasets, dict) or not all(isinstance(task, dict) for task in datasets.values()):
        raise SettingsError("experiment.datasets: expected a table for each dataset.")
    for name in study.dataset_seeds:
        _known("dataset of this study", name, datasets)
    templates: dict[str, dict[str, str]] = {}
    for name, task in datasets.items():
        own = task.get("arms", {})
        if not isinstance(own, dict) or not all(isinstance(arm, dict) for arm in own.values()):
            raise SettingsError(f"experiment.datasets.{name}.arms: expected a table for each arm.")
        merged = {arm: _merged(study.arms.get(arm, {}), own.get(arm, {})) for arm in {**study.arms, **own}}
        task["arms"], templates[name] = merged, {arm: arm for arm in merged}
    for sweep in study.sweep:
        _apply(sweep, datasets, templates)
    return document


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


def _apply(sweep: Sweep, datasets: dict[str, Any], templates: dict[str, dict[str, str]]) -> None:
    for name in sweep.datasets or ():
        _known("dataset of this study", name, datasets)
    chosen = [
        name for name in sweep.datasets or datasets if sweep.datasets or sweep.arm in set(templates[name].values())
    ]
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
    *groups, last = sweep.setting.split(".")
    for value in sweep.values:
        variant = copy.deepcopy(dict(settings))
        place = variant
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise SettingsError(
                    f"sweep of {sweep.arm}: {sweep.setting}: {group} holds a value, not a group of settings."
                )
        place[last] = value
        title = str(settings.get("title") or arm)
        variant["title"] = f"{title}, {last.replace('_', ' ')} {_text(value)}"
        found[swept_name(arm, sweep.setting, value)] = variant
    return found


def _merged(template: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The template with a dataset's own values in place, table by table."""
    merged = copy.deepcopy(dict(template))
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _known(what: str, name: str, known: Any) -> None:
    if name not in set(known):
        raise UnknownNameError.among(what, name, dict.fromkeys(known))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text)
