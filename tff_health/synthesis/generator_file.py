"""A fitted generator of tables as one file (`generator_archive`).

The file holds the schema, what the generator was fitted to and its weights or counts; never a row. The number of rows
of a table is as public here as everywhere in the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data.schema import Column, Schema
from tff_health.synthesis.generator import TableGenerator
from tff_health.synthesis.generator_archive import class_name, damaged, named_class, read_archive, write_archive

GENERATORS: dict[str, str] = {
    "ctgan": "tff_health.synthesis.ctgan_generator:CtganGenerator",
    "independent-marginals": "tff_health.synthesis.marginals.independent_marginals:IndependentMarginalsGenerator",
    "label-histograms": "tff_health.synthesis.marginals.label_histograms:LabelHistogramsGenerator",
    "label-effects": "tff_health.synthesis.marginals.label_effects:LabelEffectsGenerator",
    "marginal-tree": "tff_health.synthesis.marginals.marginal_tree:MarginalTreeGenerator",
}


def save_generator(generator: TableGenerator, path: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Writes the file, whole or not at all.

    Args:
        generator: fitted.
        path: ends in `.npz`.
        facts: plain values for readers of the file, such as its privacy statement.

    Raises:
        DataError: the file cannot be written.
    """
    meta = {
        "kind": generator.kind,
        "modality": "tables",
        "class": class_name(generator, GENERATORS),
        "schema": schema_document(generator.schema),
        "document": generator.document(),
        "facts": dict(facts or {}),
    }
    write_archive(path, meta, generator.arrays())


def load_generator(path: Path) -> TableGenerator:
    """The generator of a file.

    A generator of a user's own class is found by `module:class`, which must be importable; nothing else in a file is
    ever executed.

    Raises:
        DataError: no such file, a truncated or damaged one, or none of a generator of tables.
    """
    meta, arrays = read_archive(path, "tables")
    cls = named_class(path, meta, GENERATORS, TableGenerator, "tables")
    try:
        generator: TableGenerator = cls.from_parts(schema_of(meta["schema"]), meta["document"], arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise damaged(path, error) from error
    return generator


def read_schema(path: Path) -> Schema:
    """The schema of a saved generator's rows; errors as in `load_generator`."""
    try:
        return schema_of(read_archive(path, "tables")[0]["schema"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def schema_document(schema: Schema) -> dict[str, Any]:
    """The schema as plain JSON values; codes keep their types as pairs of code and label."""
    columns = []
    for column in schema.columns:
        fields = asdict(column)
        fields["codebook"] = [[code, label] for code, label in column.codebook.items()]
        columns.append(fields)
    return {"target": schema.target, "columns": columns}


def schema_of(document: Mapping[str, Any]) -> Schema:
    """The schema that `schema_document` wrote."""
    columns = []
    for fields in document["columns"]:
        codebook = dict(fields["codebook"])
        bounds = tuple(fields["bounds"]) if fields["bounds"] is not None else None
        codes = tuple(fields["missing_codes"])
        columns.append(Column(**{**fields, "codebook": codebook, "bounds": bounds, "missing_codes": codes}))
    return Schema(tuple(columns), document["target"])
