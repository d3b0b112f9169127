"""What an outsider may know of a patient, made coarser by a stated public rule, and the classes of rows it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from data.errors import SettingsError, UnknownNameError
from data.schema import Column, Schema

YEARS_BAND = 10.0
"""Band of quasi-identifiers in years unless told otherwise."""
_MISSING = -1
# v / width may fall short of a whole number by rounding (.3 / .1), which would put .3 a band too low.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class QuasiIdentifiers:
    """Columns that an attacker is taken to know, and how finely.

    Attributes:
        columns: of the schema; may be empty, as no column of some tables is known outside.
        bands: by numeric column, width of its bands in the column's unit. A band starts at a multiple of the width:
            10 years are 40 to 49. Columns without one count by their exact values.
        groups: by coded column, code -> group; codes that are not named stay on their own.
    """

    columns: tuple[Column, ...]
    bands: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, Mapping[int | str, str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    @property
    def descriptions(self) -> dict[str, str]:
        """By column, how it is coarsened, in words."""
        return {column.name: self._describe(column) for column in self.columns}

    def keys(self, frame: pd.DataFrame) -> np.ndarray:
        """The rows' generalised values, int64 [rows, columns]; a missing cell is a value of its own.

        Keys of two tables under the same rule can be compared.

        Args:
            frame: rows that passed `Schema.check`.
        """
        keys = np.empty((len(frame), len(self.columns)), np.int64)
        for index, column in enumerate(self.columns):
            values = frame[column.name]
            if column.is_numeric:
                keys[:, index] = self._number_keys(column.name, values.to_numpy(np.float64))
            else:
                positions = self._positions(column)
                keys[:, index] = [_MISSING if pd.isna(value) else positions[value] for value in values]
        return keys

    def _number_keys(self, name: str, values: np.ndarray) -> np.ndarray:
        keys = np.full(len(values), np.iinfo(np.int64).min)
        present = ~np.isnan(values)
        if name in self.bands:
            keys[present] = np.floor(values[present] / self.bands[name] + _ROUNDING).astype(np.int64)
        else:
            # Equal numbers share their bits; adding zero makes -0.0 and 0.0 one number.
            keys[present] = (values[present] + 0.0).view(np.int64)
        return keys

    def _positions(self, column: Column) -> dict[int | str, int]:
        groups = self.groups.get(column.name, {})
        names = {code: ("group", groups[code]) if code in groups else ("code", str(code)) for code in column.codes}
        order = {name: position for position, name in enumerate(dict.fromkeys(names.values()))}
        return {code: order[name] for code, name in names.items()}

    def _describe(self, column: Column) -> str:
        if column.name in self.bands:
            return f"bands of {self.bands[column.name]:g} {column.unit}".rstrip()
        if column.name in self.groups:
            return f"{len(set(self._positions(column).values()))} groups"
        return "exact values" if column.is_numeric else "codes as they are"


def quasi_identifiers(
    schema: Schema,
    names: Sequence[str] | None = None,
    *,
    bands: Mapping[str, float] | None = None,
    groups: Mapping[str, Mapping[int | str, str]] | None = None,
) -> QuasiIdentifiers:
    """The schema's quasi-identifiers with a public generalisation.

    Args:
        schema: of the table.
        names: other columns than those that the schema calls quasi-identifiers.
        bands: by numeric column, width of its bands; 10 for those in years unless given here.
        groups: by coded column, code -> name of its group.

    Raises:
        UnknownNameError: a name is no column.
        SettingsError: the target is named, or a rule does not fit its column.
    """
    if names is None:
        names = [column.name for column in schema.columns if column.quasi_identifier and column.name != schema.target]
    bands, groups = dict(bands or {}), dict(groups or {})
    for name in (*names, *bands, *groups):
        if name not in schema.names:
            raise UnknownNameError.among("quasi-identifier", name, schema.names)
    if schema.target in names:
        raise SettingsError(f"{schema.target!r} is what is to be protected and cannot be a quasi-identifier as well.")
    for name, width in bands.items():
        if not schema[name].is_numeric or not 0 < width < np.inf:
            raise SettingsError(f"quasi-identifier {name!r}: bands need a numeric column and a width above 0.")
    for name, group in groups.items():
        unknown = [code for code in group if code not in schema[name].codes]
        if schema[name].is_numeric or unknown:
            raise SettingsError(f"quasi-identifier {name!r}: groups need a coded column and codes of its codebook.")
    columns = tuple(schema[name] for name in dict.fromkeys(names))
    years = {column.name: YEARS_BAND for column in columns if column.is_numeric and column.unit == "years"}
    return QuasiIdentifiers(columns, {**years, **bands}, groups)


def equivalence_classes(keys: np.ndarray) -> np.ndarray:
    """Numbers the combinations of quasi-identifiers: int64 [rows], equal where all keys of two rows are equal.

    Args:
        keys: [rows, columns] as `QuasiIdentifiers.keys` gives them. Without columns all rows are one class.
    """
    if keys.shape[1] == 0:
        return np.zeros(len(keys), np.int64)
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
