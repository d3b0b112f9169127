"""From a preset's name or a TOML file, and `--set` options, to validated settings. Imports nothing heavy."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from data.catalogue import validate_settings
from data.errors import SettingsError, UnknownNameError, clip, nearest_name
from models.catalogue import check_model_name
from tff_health.aggregators.catalogue import check_aggregator_name
from tff_health.experiments.aggregator_choice import check_aggregator
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.experiments.kinds import settings_class
from tff_health.experiments.settings import Candidate, ExperimentSettings
from tff_health.experiments.synthesis.settings import SynthesisSettings

PRESETS = resources.files("tff_health.experiments") / "presets"


def presets() -> dict[str, str]:
    """Name and title of every preset that ships with the project."""
    return titles_in(PRESETS)


def titles_in(folder: Traversable) -> dict[str, str]:
    """Name and title of every TOML file in a folder."""
    found = {}
    for entry in folder.iterdir():
        if entry.name.endswith(".toml"):
            found[entry.name[: -len(".toml")]] = str(tomllib.loads(entry.read_text("utf-8")).get("title", ""))
    return dict(sorted(found.items()))


def load_settings(name_or_file: str, overrides: Sequence[str] = (), seed: int | None = None) -> ExperimentBase:
    """Settings of a preset or of a user's file, with overrides applied and everything checked that can be
    checked without data.

    Args:
        name_or_file: a preset's name or a path that ends in `.toml`.
        overrides: `key=value` with dots for nesting, as in `rounds=3` or
            `datasets.paper_mock.arms.fedavg.local_epochs=2`; values are TOML, bare words count as text.
        seed: takes the place of the settings' seed.

    Raises:
        UnknownNameError: no such preset, setting, dataset, model or aggregator; the nearest name is suggested.
        SettingsError: the file cannot be read, or a value is not accepted.
    """
    document = read_document(name_or_file, PRESETS, "preset")
    for override in overrides:
        apply_override(document, override)
    if seed is not None:
        document["seed"] = seed
    return validate(document, name_or_file)


def validate(document: Mapping[str, Any], source: str) -> ExperimentBase:
    """Settings from a parsed TOML document, of the kind that it names.

    Raises:
        UnknownNameError: a key, kind, dataset, model or aggregator is unknown.
        SettingsError: a value is not accepted.
    """
    model = settings_class(document)
    try:
        settings = model.model_validate(document)
    except ValidationError as error:
        raise explained(error, source, model) from None
    for name, task in settings.tasks.items():
        validate_settings(task.source or name, task.options)
    if isinstance(settings, ExperimentSettings):
        _check_names(settings)
    elif isinstance(settings, SynthesisSettings | ImagesSettings):
        from tff_health.experiments.generators.arm_checks import check_arms

        check_arms(settings.datasets)
    return settings


def _check_names(settings: ExperimentSettings) -> None:
    check_model_name(settings.model)
    check_aggregator_name(settings.aggregator)
    for name, task in settings.datasets.items():
        for arm in task.arms:
            for candidate in settings.candidates(name, arm):
                check_model_name(candidate.model)
                _explain_arm(name, arm, candidate)


def _explain_arm(dataset: str, arm: str, candidate: Candidate) -> None:
    try:
        check_aggregator(candidate)
    except UnknownNameError:
        raise
    except SettingsError as error:
        raise SettingsError(f"datasets.{dataset}.arms.{arm}: {error}") from None


def read_document(name_or_file: str, folder: Traversable, kind: str) -> dict[str, Any]:
    """The parsed TOML of a file that ships in `folder`, by its name, or of a user's file.

    Args:
        name_or_file: a name, or a path that ends in `.toml`.
        folder: where files that ship lie.
        kind: what they are, for messages.

    Raises:
        UnknownNameError: no file ships under this name.
        SettingsError: the file cannot be read or is not TOML.
    """
    if name_or_file.endswith(".toml"):
        path = Path(name_or_file)
        try:
            return tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise SettingsError(f"{name_or_file}: no such file; `list` shows what there is by name.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name_or_file} cannot be read: {error}.") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name_or_file} is not valid TOML: {error}.") from None
    known = titles_in(folder)
    if name_or_file not in known:
        raise UnknownNameError.among(kind, name_or_file, known)
    return tomllib.loads((folder / f"{name_or_file}.toml").read_text("utf-8"))


def apply_override(document: dict[str, Any], override: str) -> None:
    """Sets one value of a document, in place, as `--set` says.

    Raises:
        UnknownNameError: an unknown dataset or arm.
        SettingsError: not of the form key=value, or the key leads through a value.
    """
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise SettingsError(f"--set {clip(override)}: expected key=value, as in --set rounds=3.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    path = _path(key.strip())
    _check_named_parts(document, path)
    if path in (["model"], ["aggregator"]):
        _clear_own_choices(document, path[0])
    place = document
    for part in path[:-1]:
        step = place.setdefault(part, {})
        if not isinstance(step, dict):
            raise SettingsError(f"--set {clip(override)}: {part} holds a value, not a group of settings.")
        place = step
    place[path[-1]] = copy.deepcopy(value)


def _check_named_parts(document: dict[str, Any], path: list[str]) -> None:
    """A misspelt dataset or arm would otherwise be taken for a new one that lacks everything."""
    if path[0] != "datasets" or len(path) < 3:
        return
    tasks = document.get("datasets", {})
    if not isinstance(tasks, dict) or not all(isinstance(task, dict) for task in tasks.values()):
        raise SettingsError(f"--set {clip('.'.join(path))}: datasets holds a value, not a group of settings.")
    if path[1] not in tasks:
        raise UnknownNameError.among("dataset of this experiment", path[1], tasks)
    arms = tasks[path[1]].get("arms", {})
    if path[2] == "arms" and len(path) > 4 and path[3] not in arms:
        raise UnknownNameError.among(f"arm of {path[1]}", path[3], arms)


def _clear_own_choices(document: dict[str, Any], key: str) -> None:
    """`--set model=...` and `--set aggregator=...` are meant for every dataset and arm but the paper's listing."""
    for task in _groups(document.get("datasets")):
        inherited = task.pop(key, None)
        for arm in _groups(task.get("arms")):
            if key == "aggregator" and arm.get("aggregator_options"):
                continue  # an arm that is about its aggregator keeps it
            options = arm.get("options")
            if isinstance(options, dict) and not options.get("aggregator_options"):
                options.pop(key, None)  # a generator's
            if arm.get("method") != "paper-listing":
                arm.pop(key, None)
            elif inherited is not None:
                arm.setdefault(key, inherited)


def _groups(value: Any) -> list[dict[str, Any]]:
    """The tables within a table; what is none is left to validation, which says so."""
    return [group for group in value.values() if isinstance(group, dict)] if isinstance(value, dict) else []


def _path(key: str) -> list[str]:
    """The dotted key as TOML reads it, so that quoted parts may hold dots."""
    try:
        parsed: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        raise SettingsError(f"--set {clip(key)}: not a dotted name of settings.") from None
    path = []
    if not parsed:
        raise SettingsError(f"--set {clip(key)}: not a dotted name of settings.")
    while isinstance(parsed, dict):
        name, parsed = next(iter(parsed.items()))
        path.append(name)
    return path


def explained(error: ValidationError, source: str, root: type[BaseModel]) -> SettingsError:
    """One sentence on the first thing that validation refused, with the nearest name where one is unknown.

    Args:
        error: what pydantic raised.
        source: where the settings come from.
        root: the model they were held against.
    """
    found = error.errors()
    # A misspelt key is also a missing one: the name it has is the better hint.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    where = ".".join(str(part) for part in first["loc"] if not _is_branch(part))
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        known = _known_keys(first["loc"][:-1], root)
        near = nearest_name(name, known)
        hint = f"did you mean {near!r}?" if near else f"known here: {', '.join(known)}."
        return UnknownNameError(f"{source}: unknown setting {clip(where)!r}: {hint}")
    message = first["msg"].removeprefix("Value error, ")
    given = f", not {clip(repr(first['input']))}" if not isinstance(first["input"], dict) else ""
    return SettingsError(f"{source}: {where or 'settings'}: {message[0].lower()}{message[1:]}{given}.")


def _is_branch(part: int | str) -> bool:
    """Whether pydantic's error path names a branch of a union rather than a setting."""
    return (
        isinstance(part, int)
        or any(mark in part for mark in ("[", "constrained", "literal"))
        or part
        in (
            "float",
            "int",
            "str",
        )
    )


def _known_keys(location: Sequence[int | str], root: type[BaseModel]) -> list[str]:
    """The settings of the model that a path of keys leads to; names of datasets and arms are steps of their own."""
    model, entry = root, None
    for part in location:
        if entry is not None:
            model, entry = entry, None
        elif str(part) in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            choices = [annotation, *get_args(annotation)] if get_origin(annotation) else [annotation]
            nested = [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]
            if nested and get_origin(annotation) is dict:
                entry = nested[0]
            elif nested:
                model = nested[0]
    return list(model.model_fields)
