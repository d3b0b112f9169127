"""What a study of several parts is made of, as validated settings. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tff_health.experiments.base_settings import Settings, Words

PartName = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class PartSettings(Settings):
    """One experiment, or one study, with what differs from it.

    Attributes:
        title: for people; its own where empty.
        experiment: name of a preset, or path of a TOML file.
        study: name of a study that ships, or path of a TOML file; instead of `experiment`.
        settings: what to change, each `key=value` as `--set` takes it.
        quick: what to change, too, in the quick form.
        quick_datasets: which of an experiment's datasets the quick form runs; empty for all.
    """

    title: Words = ""
    experiment: str | None = None
    study: str | None = None
    settings: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    quick_datasets: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_one(self) -> PartSettings:
        if (self.experiment is None) == (self.study is None):
            raise ValueError("name either an experiment or a study")
        if self.quick_datasets and self.study is not None:
            raise ValueError("quick_datasets are of experiments; a study's quick form has all of its datasets")
        return self


class CollectionSettings(Settings):
    """A whole study of parts: what a study that ships or a user's TOML file holds.

    Attributes:
        study: short name, also the folder's.
        title: for the report.
        question: what the study asks, one sentence.
        paper: whose rows of `reporting.collections` stand in the report; None for none.
        quick_form: whether parts are run in their quick form.
        parts: by name, in the order in which they run.
    """

    study: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: Words
    question: Words = ""
    paper: Literal["P1", "P2"] | None = None
    quick_form: bool = False
    parts: Annotated[dict[PartName, PartSettings], Field(min_length=1)]


def is_collection(document: Any) -> bool:
    """Whether a parsed TOML document of a study is one of parts."""
    return isinstance(document, dict) and "parts" in document
