"""What can be said against arms before data are loaded, and where a sentence about an arm belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.errors import SettingsError, UnknownNameError


def check_arms(tasks: Mapping[str, Any]) -> None:
    """Builds every arm's synthesizer, so that a misspelt option is named at once.

    Args:
        tasks: datasets by name, with arms (`GeneratorArm`).

    Raises:
        UnknownNameError: a synthesizer or option is unknown.
        SettingsError: an option's value is not accepted.
    """
    for name, task in tasks.items():
        for label, arm in task.arms.items():
            try:
                arm.build()
            except SettingsError as error:
                raise placed(error, name, label) from None


def placed(error: SettingsError, dataset: str, arm: str) -> SettingsError:
    """The same error with the arm's place in the settings."""
    kind = UnknownNameError if isinstance(error, UnknownNameError) else SettingsError
    return kind(f"datasets.{dataset}.arms.{arm}: {error}")
