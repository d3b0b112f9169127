"""The command `sample`: synthetic rows out of a saved generator, as a CSV file, or images, as an .npz or .png."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from data.errors import SettingsError


def add_sample_parser(commands: Any) -> None:
    """Adds `sample FILE` to the command line."""
    sample = commands.add_parser("sample", help="draw synthetic patients from a generator that a run has saved")
    sample.add_argument("generator", type=Path, metavar="FILE.npz", help="a generator of a run folder's model/")
    sample.add_argument("--rows", type=int, default=100, metavar="N", help="how many rows or images (default: 100)")
    sample.add_argument(
        "--where",
        dest="conditions",
        metavar="COLUMN=VALUE",
        action="append",
        default=[],
        help="a code or label that every row has, as in --where sex=female; of images only --where class=1",
    )
    sample.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same rows or images")
    sample.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to write rows (default: the terminal); images: an .npz, or a .png that shows all of them",
    )
    sample.add_argument("--labels", action="store_true", help="write labels such as female in place of codes")
    sample.set_defaults(action=_sample)


def parse_conditions(texts: list[str], columns: Collection[str] = ()) -> dict[str, int | str]:
    """`COLUMN=VALUE` texts as a mapping.

    Args:
        texts: as typed.
        columns: that there are; their names may hold equals signs.

    Raises:
        SettingsError: a text of another form, or a column named twice.
    """
    conditions: dict[str, int | str] = {}
    for text in texts:
        column, separator, value = _split(text, columns)
        if not (separator and column.strip() and value.strip()):
            raise SettingsError(f"--where {text}: expected COLUMN=VALUE, as in --where sex=female.")
        if column.strip() in conditions:
            raise SettingsError(f"--where {text}: {column.strip()} is named twice; every row has one value of it.")
        conditions[column.strip()] = value.strip()
    return conditions


def _split(text: str, columns: Collection[str]) -> tuple[str, str, str]:
    """The text around the last equals sign before which a column's name stands; around the first where none does."""
    for place, character in reversed(list(enumerate(text))):
        if character == "=" and text[:place].strip() in columns:
            return text[:place], "=", text[place + 1 :]
    return text.partition("=")


def guarantee_line(facts: Mapping[str, Any], what: str = "rows") -> str:
    """What a generator's file says of its guarantee, in one line.

    Args:
        facts: as saved with the generator.
        what: rows or images.
    """
    privacy = facts.get("privacy")
    label = privacy.get("label") if isinstance(privacy, dict) else None
    if not isinstance(privacy, dict) or not isinstance(label, str):
        return "privacy: the generator's file names no guarantee: take it that there is none"
    if privacy.get("epsilon") is None:
        return f"privacy: {label}: these {what} may tell of the patients that the generator was fitted to"
    return f"privacy: {label}, for any number of {what}; other releases about the same patients come on top"


def _sample(parsed: argparse.Namespace) -> int:
    from tff_health.synthesis.generator_archive import read_facts, read_modality

    if parsed.seed is not None and not 0 <= parsed.seed < 2**32:
        raise SettingsError(f"--seed must be a whole number between 0 and {2**32 - 1}.")
    if read_modality(parsed.generator) == "images":
        from tff_health.experiments.sample_images import sample_images

        if parsed.labels:
            raise SettingsError("--labels writes words into tables; images' files name their classes anyway.")
        conditions = parse_conditions(parsed.conditions)
        written = sample_images(parsed.generator, parsed.rows, conditions, parsed.seed, parsed.out)
        print(guarantee_line(read_facts(parsed.generator), "images"), file=sys.stderr)
        print(written)
        return 0
    from data.table_csv import table_text, write_table
    from tff_health.synthesis.conditions import resolve_conditions
    from tff_health.synthesis.generator_file import load_generator, read_schema

    schema = read_schema(parsed.generator)
    conditions = parse_conditions(parsed.conditions, schema.names)
    resolve_conditions(schema, conditions)  # before a network is built
    generator = load_generator(parsed.generator)
    table = generator.sample(parsed.rows, conditions, parsed.seed)
    print(guarantee_line(read_facts(parsed.generator)), file=sys.stderr)
    if parsed.out is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # as in files: escapes would be other names
        sys.stdout.write(table_text(table, schema, labels=parsed.labels))
    else:
        write_table(table, schema, parsed.out, labels=parsed.labels)
        print(f"{len(table):,} synthetic rows in {parsed.out}")
    return 0
