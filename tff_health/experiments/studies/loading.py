"""From a study's name or TOML file, and `--set` options, to validated settings. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from data.errors import SettingsError
from tff_health.experiments.loading import PRESETS, apply_override, explained, read_document, titles_in
from tff_health.experiments.studies.grid import expanded
from tff_health.experiments.studies.settings import OF_THE_STUDY, StudySettings, Sweep, Variation
from tff_health.experiments.studies.sweeps import merged

_STUDIES = resources.files("tff_health.experiments") / "presets" / "studies"
_QUICK_SEEDS, _QUICK_SHADOWS = 2, 4
_WITHIN = "experiment."
SweptT = TypeVar("SweptT", Sweep, Variation)


def studies() -> dict[str, str]:
    """Name and title of every study that ships with the project."""
    return titles_in(_STUDIES)


def read_study_document(name_or_file: str) -> dict[str, Any]:
    """The parsed TOML of a study that ships or of a user's file; errors as in `loading.read_document`."""
    return read_document(name_or_file, _STUDIES, "study")


def load_study(name_or_file: str, overrides: Sequence[str] = (), *, quick: bool = False) -> StudySettings:
    """Settings of a study that ships or of a user's file, with overrides applied.

    Args:
        name_or_file: a study's name or a path that ends in `.toml`.
        overrides: `key=value` with dots for nesting, as in `seeds=[1, 2]` or `experiment.rounds=3`.
        quick: the small form that shows in minutes whether a study works: each dataset's first two seeds, each
            sweep's first and last value, attacks in the first seed only and with four shadow models at most.

    Raises:
        UnknownNameError: no such study or setting; the nearest name is suggested.
        SettingsError: the file cannot be read, or a value is not accepted.
    """
    document = on_its_preset(read_study_document(name_or_file), name_or_file)
    for override in overrides:
        _override(document, override)
    study = validate_study(document, name_or_file)
    if not quick:
        return study
    try:
        expanded(study)  # names of the whole study, some of which its quick form lacks
    except SettingsError as error:
        raise type(error)(f"{name_or_file}: {error}") from None
    return quick_form(study)


def validate_study(document: Any, source: str) -> StudySettings:
    """Settings from a parsed TOML document; the experiment within is validated when it is planned.

    Raises:
        UnknownNameError: a key is unknown.
        SettingsError: a value is not accepted.
    """
    try:
        return StudySettings.model_validate(document)
    except ValidationError as error:
        raise explained(error, source, StudySettings) from None


def quick_form(study: StudySettings) -> StudySettings:
    """See `load_study`."""
    experiment = dict(study.experiment)
    attacks = experiment.get("attacks")
    if isinstance(attacks, dict) and isinstance(attacks.get("shadows", _QUICK_SHADOWS), int):
        experiment["attacks"] = attacks | {"shadows": min(attacks.get("shadows", _QUICK_SHADOWS), _QUICK_SHADOWS)}
    attacked = 1 if study.attacked_seeds is None else min(study.attacked_seeds, 1)
    return study.model_copy(
        update={
            "title": f"{study.title} (quick form)",
            "quick_form": True,
            "seeds": study.seeds[:_QUICK_SEEDS],
            "dataset_seeds": {name: seeds[:_QUICK_SEEDS] for name, seeds in study.dataset_seeds.items()},
            "attacked_seeds": attacked,
            "experiment": experiment,
            "sweep": tuple(_ends(sweep) for sweep in study.sweep),
            "vary": tuple(_ends(variation) for variation in study.vary),
        }
    )


def on_its_preset(document: dict[str, Any], source: str) -> dict[str, Any]:
    """The study with its experiment laid over the preset it names, if it names one.

    Args:
        document: parsed TOML; `preset` is an experiment that ships, or a path that ends in `.toml`.
        source: where the study comes from; paths are seen from its folder.

    Raises:
        UnknownNameError: no such preset.
        SettingsError: the preset cannot be read, or the experiment is no table.
    """
    if "preset" not in document:
        return document
    named, own = document["preset"], document.get("experiment", {})
    if not isinstance(named, str) or not isinstance(own, dict):
        raise SettingsError(f"{source}: preset must be a name or a path, and experiment a table.")
    if named.endswith(".toml") and source.endswith(".toml"):
        named = str(Path(source).parent / named)
    base = {key: value for key, value in read_document(named, PRESETS, "preset").items() if key not in OF_THE_STUDY}
    rest = {key: value for key, value in document.items() if key != "preset"}
    return {**rest, "experiment": merged(base, own)}


def _ends(swept: SweptT) -> SweptT:
    return swept.model_copy(update={"values": tuple(dict.fromkeys((swept.values[0], swept.values[-1])))})


def _override(document: dict[str, Any], override: str) -> None:
    if not override.startswith(_WITHIN):
        apply_override(document, override)
        return
    # The experiment's own keys are checked as `run --set` checks them.
    experiment = document.setdefault("experiment", {})
    if not isinstance(experiment, dict):
        raise SettingsError("experiment: holds a value, not a group of settings.")
    apply_override(experiment, override.removeprefix(_WITHIN))
