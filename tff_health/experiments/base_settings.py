"""What the settings of every kind of experiment share. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from data.plain_names import hidden_fault, plain_name


def _readable(text: str) -> str:
    fault = hidden_fault(text, but="\n")  # TOML breaks long texts into lines
    if fault:
        raise ValueError(f"the text {fault}")
    return text


ArmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,60}$")]
DatasetName = Annotated[str, Field(pattern=r"^[^\r\n]{1,300}$"), AfterValidator(plain_name)]
Words = Annotated[str, AfterValidator(_readable)]
"""A title or a question: text for people, every character of which shows."""


class Settings(BaseModel):
    """Base: unknown keys are errors, values cannot change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetBase(Settings):
    """Which patients, whatever is done with them.

    Attributes:
        title: for people; default: the dataset's own.
        source: the dataset's name in the catalogue; default: its name in the settings.
        optional: left out, with a sentence, where its files are not at hand.
        options: of the dataset.
    """

    title: Words = ""
    source: str | None = None
    optional: bool = False
    options: dict[str, Any] = {}


class ExperimentBase(Settings):
    """A whole experiment: what a preset or a user's TOML file holds.

    Attributes:
        experiment: short name, also the run folder's.
        title: for the report.
        question: what the experiment asks, one sentence.
        seed: every random stream derives from it, privacy noise excepted.
        bootstrap: resamples of held-out patients behind each interval.
        parallel_clients: clients that TFF's worker trains at a time; 0 leaves it to the worker.
        extensions: users' modules to import, which register metrics and figures.
    """

    experiment: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: Words
    question: Words = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    bootstrap: Annotated[int, Field(ge=10, le=100_000)] = 1000
    parallel_clients: Annotated[int, Field(ge=0, le=10_000)] = 0
    extensions: list[str] = []

    @property
    def tasks(self) -> Mapping[str, DatasetBase]:
        """The datasets by name in the settings."""
        raise NotImplementedError

    @property
    def seed_record(self) -> dict[str, Any]:
        """What results.json says about seeds."""
        return {"experiment": self.seed}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all settings that results depend on: what a resumed run must share."""
        payload = self.model_dump(mode="json", exclude={"parallel_clients"})
        return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
