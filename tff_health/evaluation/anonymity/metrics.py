"""All measures of anonymity of one table, by the names they have in results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.errors import DataError, SettingsError
from data.schema import Schema
from tff_health.evaluation.anonymity.closeness import t_closeness
from tff_health.evaluation.anonymity.diversity import (
    class_counts,
    distinct_diversity,
    entropy_diversity,
    recursive_diversity,
)
from tff_health.evaluation.anonymity.k_anonymity import k_anonymity, k_map, share_in_small_classes
from tff_health.evaluation.anonymity.quasi_identifiers import QuasiIdentifiers, equivalence_classes, quasi_identifiers

RECURSIVE_C = 3.0
SMALL_CLASS = 5
DESCRIPTIONS = {
    "anonymity/k": "k-anonymity: rows in the smallest class of equal quasi-identifiers",
    "anonymity/unique_share": "share of rows that no other row of the table shares its quasi-identifiers with",
    "anonymity/small_class_share": f"share of rows in classes of fewer than {SMALL_CLASS}",
    "anonymity/classes": "number of classes of equal quasi-identifiers",
    "anonymity/k_map": "k-map: fewest people of the population that share a released row's quasi-identifiers",
    "anonymity/k_map_unmatched": "share of rows whose quasi-identifiers nobody in the population has",
    "anonymity/l_distinct": "distinct l-diversity of the sensitive column",
    "anonymity/l_entropy": "entropy l-diversity: e to the smallest entropy of a class",
    "anonymity/l_recursive": "recursive (c, l)-diversity: the greatest l",
    "anonymity/t": "t-closeness: greatest earth mover's distance of a class from the table",
}


def anonymity_metrics(
    table: pd.DataFrame,
    schema: Schema,
    *,
    identifiers: QuasiIdentifiers | None = None,
    population: pd.DataFrame | None = None,
    sensitive: str | None = None,
    c: float = RECURSIVE_C,
) -> dict[str, float | None]:
    """Anonymity of a released table, real or synthetic.

    Rows whose sensitive value is missing count for k-anonymity and k-map alone: a blank would pass for diversity.

    Args:
        table: rows that passed `Schema.check`, or that a generator sampled.
        schema: of the rows.
        identifiers: default: the schema's, ages in bands of 10 years.
        population: whom the attacker could look the rows up in (say, training and held-out patients); without one
            there is no k-map.
        sensitive: column to be protected; the schema's target unless given.
        c: of recursive (c, l)-diversity.

    Returns:
        The names of `DESCRIPTIONS` -> value; None where undefined: without quasi-identifiers, population or sensitive
        values. No intervals: these are properties of the table, not estimates.

    Raises:
        DataError: the table has no rows.
        SettingsError: the sensitive column is a quasi-identifier or no column, or c is not above 0.
    """
    if len(table) == 0:
        raise DataError("anonymity: the table has no rows; sample at least one.")
    identifiers = quasi_identifiers(schema) if identifiers is None else identifiers
    sensitive = schema.target if sensitive is None else sensitive
    if sensitive not in schema.names or sensitive in identifiers.names:
        raise SettingsError(f"sensitive column {sensitive!r}: name a column of the schema that is no quasi-identifier.")
    if not c > 0:
        raise SettingsError(f"recursive diversity needs a c above 0, not {c:g}.")
    values: dict[str, float | None] = dict.fromkeys(DESCRIPTIONS)
    if not identifiers.columns:
        return values
    keys = identifiers.keys(table)
    classes = equivalence_classes(keys)
    values["anonymity/k"] = k_anonymity(classes)
    values["anonymity/unique_share"] = share_in_small_classes(classes, 2)
    values["anonymity/small_class_share"] = share_in_small_classes(classes, SMALL_CLASS)
    values["anonymity/classes"] = int(classes.max()) + 1
    if population is not None:
        mapped = k_map(keys, identifiers.keys(population))
        values["anonymity/k_map"], values["anonymity/k_map_unmatched"] = mapped.k, mapped.unmatched_share
    present, codes = sensitive_values(table[sensitive])
    if len(codes):
        counts = class_counts(classes[present], codes)
        values["anonymity/l_distinct"] = distinct_diversity(counts)
        values["anonymity/l_entropy"] = entropy_diversity(counts)
        values["anonymity/l_recursive"] = recursive_diversity(counts, c)
        values["anonymity/t"] = t_closeness(counts, ordered=schema[sensitive].is_numeric)
    return values


def sensitive_values(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Sensitive values as whole numbers in ascending order of the value.

    Args:
        column: numbers, or codes of one type.

    Returns:
        bool [rows], whether there is a value, and int64 [rows with one]: its position among the values that occur.
    """
    present = column.notna().to_numpy()
    kept = column[present]
    codes, _ = pd.factorize(kept if column.dtype.kind in "iuf" else kept.astype(str), sort=True)
    return present, codes.astype(np.int64)
