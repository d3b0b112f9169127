"""What every hospital publishes about a dataset, whatever it is of, and where that lies. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import DataError
from data.federation import Federation
from data.image_federation import ImageFederation
from data.whole_file import write_whole
from tff_health.runtime.file_names import safe_name

DATA_FOLDER = "data"
FACTS_FILE = "facts.json"
Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")
_FactsT = TypeVar("_FactsT", bound="HeldFacts")


class HeldFacts(BaseModel):
    """What a hospital publishes: to the coordinator, and so to the report.

    Attributes:
        title, source, licence, protocol, notes, single_class_accepted: see `Federation`.
        data_kind: its `kind`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    licence: str
    protocol: str
    notes: tuple[str, ...] = ()
    data_kind: Literal["real", "simulated"]
    single_class_accepted: bool = False

    @property
    def summary(self) -> str:
        """The numbers, for people."""
        raise NotImplementedError


def common_facts(federation: Federation | ImageFederation) -> dict[str, Any]:
    """What the facts about all of a federation's hospitals have in common."""
    return {
        "title": federation.title,
        "source": federation.source,
        "licence": federation.licence,
        "protocol": federation.protocol,
        "notes": federation.notes,
        "data_kind": federation.kind,
        "single_class_accepted": federation.single_class_accepted,
    }


def data_folder(dataset: str) -> str:
    """Where a dataset lies, relative to the worker's folder."""
    return f"{DATA_FOLDER}/{safe_name(dataset)}"


def facts_file(dataset: str) -> str:
    """Where its facts lie, relative to the worker's folder."""
    return f"{data_folder(dataset)}/{FACTS_FILE}"


def write_facts(folder: Path, dataset: str, facts: HeldFacts) -> None:
    """Writes facts into the worker's folder.

    Raises:
        DataError: the file cannot be written.
    """
    write_whole(folder / facts_file(dataset), facts.model_dump_json(indent=1).encode())


def read_facts(kind: type[_FactsT], texts: Mapping[str, bytes], dataset: str) -> dict[str, _FactsT]:
    """What hospitals published about a dataset.

    Args:
        kind: of what it must be.
        texts: of the facts' files, by hospital.
        dataset: for messages.

    Raises:
        DataError: what a hospital says cannot be read: names the hospital.
    """
    facts = {}
    for name, text in texts.items():
        try:
            facts[name] = kind.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                f"{dataset}: what hospital {name!r} publishes cannot be read ({'.'.join(map(str, first['loc']))}: "
                f"{first['msg']}): it needs the same kind of data, and the same version of this software."
            ) from error
    return facts
