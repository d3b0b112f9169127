"""A hospital's rows as its worker's computations read them, and what it publishes about them. No TensorFlow.

The hospital's own process reads and checks its files, divides patients into those that train and those held out, and
writes both parts as matrices of numbers into the worker's folder: computations do the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from data.errors import DataError
from data.federation import Federation, Hospital
from data.schema import Schema
from data.schema_file import described_by, schema_document
from data.whole_file import write_whole
from tff_health.hospitals.held_facts import (
    FACTS_FILE,
    PARTS,
    HeldFacts,
    Part,
    common_facts,
    data_folder,
    read_facts,
    write_facts,
)


class TableFacts(HeldFacts):
    """What a hospital publishes about its table; attributes also as in `HeldFacts`.

    Attributes:
        format: of this document.
        kind: that it is a table.
        columns: the schema, as in its file.
        target: the column that is predicted.
        train_rows: patients who train; 0 where the hospital holds out all.
        test_rows: held-out patients.
        train_positive: how many of the former are of the positive class.
        test_positive: how many of the latter.
    """

    format: Literal["tff_health.held_table/1"] = "tff_health.held_table/1"
    kind: Literal["table"] = "table"
    columns: dict[str, dict[str, object]]
    target: str
    train_rows: int = Field(ge=0)
    test_rows: int = Field(ge=0)
    train_positive: int = Field(ge=0)
    test_positive: int = Field(ge=0)

    @property
    def summary(self) -> str:
        """The numbers, for people."""
        positive = self.schema_of_columns.positive_label
        return (
            f"{self.train_rows:,} training rows ({self.train_positive:,} {positive}), {self.test_rows:,} held-out rows "
            f"({self.test_positive:,})"
        )

    @property
    def schema_of_columns(self) -> Schema:
        """The schema.

        Raises:
            DataError: it is none.
        """
        return described_by({"target": self.target, "columns": self.columns}, Path(FACTS_FILE)).schema


def matrix_file(dataset: str, part: Part) -> str:
    """Where a part's rows lie, relative to the worker's folder: float64, little-endian, one row after another.

    A row has the schema's columns as `Schema.encode` gives them: numbers, positions in the codebook, NaN for missing.
    """
    return f"{data_folder(dataset)}/{part}.f64"


def table_facts(federation: Federation, hospital: Hospital) -> TableFacts:
    """What a hospital of a federation publishes."""
    size = federation.size_of(hospital)
    return TableFacts(
        **common_facts(federation),
        **schema_document(federation.schema),
        train_rows=size.train,
        test_rows=size.test,
        train_positive=size.train_positive,
        test_positive=size.test_positive,
    )


def write_held_table(folder: Path, dataset: str, federation: Federation, hospital: Hospital) -> TableFacts:
    """Writes a hospital's rows into its worker's folder.

    Args:
        folder: the worker's.
        dataset: the dataset's name in experiments.
        federation: that the hospital is of; what is said about its data is published.
        hospital: whose rows are written.

    Raises:
        DataError: a file cannot be written.
    """
    facts = table_facts(federation, hospital)
    for part in PARTS:
        matrix = federation.schema.encode(getattr(hospital, part)).astype("<f8")
        write_whole(folder / matrix_file(dataset, part), np.ascontiguousarray(matrix).tobytes())
    write_facts(folder, dataset, facts)
    return facts


def read_table_facts(texts: Mapping[str, bytes], dataset: str) -> dict[str, TableFacts]:
    """What hospitals published about a table, checked to be of one schema; arguments and errors as in `read_facts`.

    Raises:
        DataError: also where a hospital's columns are others than those of the first one.
    """
    facts = read_facts(TableFacts, texts, dataset)
    one, first_facts = next(iter(facts.items()))
    for name, own in facts.items():
        if (own.columns, own.target) != (first_facts.columns, first_facts.target):
            other = [column for column in {**own.columns, **first_facts.columns} if _differs(own, first_facts, column)]
            what = f"column {other[0]!r}" if other else "the target"
            raise DataError(
                f"{dataset}: hospitals {one!r} and {name!r} have different schemas ({what}): all need the same one."
            )
    return facts


def _differs(one: TableFacts, other: TableFacts, column: str) -> bool:
    return one.columns.get(column) != other.columns.get(column)
