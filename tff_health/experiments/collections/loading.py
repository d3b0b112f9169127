"""From a study's name or TOML file to the settings of its parts. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data.errors import SettingsError, UnknownNameError, clip
from tff_health.experiments.collections.settings import CollectionSettings, PartSettings
from tff_health.experiments.loading import explained


def load_collection(
    document: Any, source: str, overrides: Sequence[str] = (), *, quick: bool = False
) -> CollectionSettings:
    """Settings of a study of parts, with overrides applied.

    Args:
        document: parsed TOML.
        source: where it comes from: a name or a path ending in `.toml`, in whose folder parts' own files lie.
        overrides: `PART.key=value`, `key=value` being what `--set` takes for that part.
        quick: the small form that shows in minutes whether the study works.

    Raises:
        UnknownNameError: a setting or part is unknown.
        SettingsError: a value is not accepted.
    """
    try:
        settings = CollectionSettings.model_validate(document)
    except ValidationError as error:
        raise explained(error, source, CollectionSettings) from None
    parts = {name: _beside(part, source) for name, part in settings.parts.items()}
    for override in overrides:
        name, dot, rest = override.partition(".")
        if not dot or "=" in name:
            raise SettingsError(
                f"--set {clip(override)}: {settings.study} is made of parts; write PART.key=value, PART being one of "
                f"{', '.join(parts)}."
            )
        if name not in parts:
            raise UnknownNameError.among(f"part of {settings.study}", name, parts)
        parts[name] = parts[name].model_copy(update={"settings": (*parts[name].settings, rest)})
    title = f"{settings.title} (quick form)" if quick and not settings.quick_form else settings.title
    return settings.model_copy(update={"parts": parts, "title": title, "quick_form": quick or settings.quick_form})


def _beside(part: PartSettings, source: str) -> PartSettings:
    """The part with paths of its own files as seen from here."""
    folder = Path(source).parent if source.endswith(".toml") else Path()
    changed = {
        key: str(folder / named)
        for key in ("experiment", "study")
        if (named := getattr(part, key)) and named.endswith(".toml") and not Path(named).is_absolute()
    }
    return part.model_copy(update=changed)
