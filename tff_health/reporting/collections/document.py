"""The document model of a study of parts: what its results.json holds; each part has a results.json of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationError

from tff_health.reporting.atomic import ReportError, write_atomically
from tff_health.reporting.document import Document, Number

SCHEMA = "tff_health.collection/1"


class Place(Document):
    """Where something is shown.

    Attributes:
        part: name of the part.
        anchor: in its report; empty for the report as a whole.
        words: for the link.
    """

    part: str
    anchor: str = ""
    words: str


class Finding(Document):
    """One thing that a paper says or shows, beside what this study has of it.

    Attributes:
        what: it is about.
        theirs: of the paper, in words or figures; empty where it has none.
        ours: likewise; empty where this study did not measure it.
        places: where ours is shown.
    """

    what: str
    theirs: str = ""
    ours: str = ""
    places: list[Place] = Field(default_factory=list)


class PaperRow(Document):
    """One row of what a paper asks for.

    Attributes:
        row: its number, such as `P1.4`.
        title: in a few words.
        paper: what the paper says or does.
        findings: what became of it here.
        note: what a reader must know; empty for nothing.
    """

    row: str
    title: str
    paper: str
    findings: list[Finding] = Field(default_factory=list)
    note: str = ""


class PartResult(Document):
    """How one part ended.

    Attributes:
        title: for people.
        question: what it asks.
        kind: of part.
        status: `failed` where it, or a cell of it, did.
        reason: why.
        seconds: how long it ran.
        left_out: one sentence for each dataset whose files were not there.
        command: what makes it alone.
    """

    title: str
    question: str = ""
    kind: Literal["experiment", "study"]
    status: Literal["done", "failed"]
    reason: str = ""
    seconds: Number = None
    left_out: list[str] = Field(default_factory=list)
    command: str = ""


class CollectionResults(Document):
    """The whole of a study of parts."""

    schema_: Literal["tff_health.collection/1"] = Field(default="tff_health.collection/1", alias="schema")
    study: str
    title: str
    question: str = ""
    paper: Literal["P1", "P2"] | None = None
    parts: dict[str, PartResult]
    notes: list[str] = Field(default_factory=list)
    rows: list[PaperRow] = Field(default_factory=list)
    environment: dict[str, JsonValue] = Field(default_factory=dict)
    command: str = ""

    model_config = ConfigDict(populate_by_name=True, title="Results of a tff_health study of parts")


def load_collection_results(path: Path) -> CollectionResults:
    """Reads the results.json of a study of parts.

    Raises:
        ReportError: the file is missing, or not as the schema has it.
    """
    try:
        return CollectionResults.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ReportError(f"{path} does not exist: the study has not ended; go on with it by --resume.") from error
    except (OSError, ValidationError) as error:
        raise ReportError(f"{path} does not follow {SCHEMA}: restore the file or resume the study.") from error


def save_collection(results: CollectionResults, path: Path) -> None:
    """Writes results.json atomically.

    Raises:
        ReportError: the file cannot be written.
    """
    text = json.dumps(results.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())
