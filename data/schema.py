"""What a table's columns mean: kind, public bounds, codebook, unit, target, quasi-identifiers.

Everything in a schema is public knowledge (a codebook, a physiological range), never read off patients:
bounds and codebooks that come from here cost no privacy budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from data.column_texts import check_column_texts
from data.errors import DataError, clip, nearest_name
from data.plain_names import alike, look

Kind = Literal["continuous", "integer", "binary", "categorical"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: the column's name in the data frame.
        kind: `continuous` and `integer` are numbers within `bounds`; `binary` and `categorical` take the
            codes of `codebook`.
        bounds: public lowest and highest plausible value, inclusive, in `unit`. Values outside are an error.
        codebook: code as it stands in the frame -> label for people. The order is the order of encoding.
        unit: physical unit, empty where there is none.
        description: one phrase for reports.
        quasi_identifier: whether an outsider could know it of a patient (age, sex, ...).
        missing_codes: raw numbers that mean "not recorded" and are read as missing (NaN), even outside
            `bounds` or the codebook.
    """

    name: str
    kind: Kind
    bounds: tuple[float, float] | None = None
    codebook: Mapping[int | str, str] = field(default_factory=dict)
    unit: str = ""
    description: str = ""
    quasi_identifier: bool = False
    missing_codes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.is_numeric:
            if self.bounds is None or not -np.inf < self.bounds[0] < self.bounds[1] < np.inf:
                raise ValueError(f"column {self.name!r} is {self.kind} and needs finite bounds (low < high)")
        elif len(self.codebook) < 2:
            raise ValueError(f"column {self.name!r} is {self.kind} and needs a codebook of two codes or more")
        elif self.kind == "binary" and len(self.codebook) > 2:
            raise ValueError(f"column {self.name!r} is binary and its codebook has more than two codes")
        elif len({str(code) for code in self.codebook}) < len(self.codebook):
            raise ValueError(f"column {self.name!r} has two codes that read the same, such as 1 and '1'")
        check_column_texts(self.name, self.codebook, unit=self.unit, description=self.description)

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds numbers rather than codes."""
        return self.kind in ("continuous", "integer")

    @property
    def codes(self) -> tuple[int | str, ...]:
        """The codes in their order of encoding; empty for a numeric column."""
        return tuple(self.codebook)


@dataclass(frozen=True)
class Schema:
    """The columns of a table and which of them is predicted.

    Attributes:
        columns: features and target, in the frame's order.
        target: name of a binary column; the second code of its codebook is the positive class.
    """

    columns: tuple[Column, ...]
    target: str

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("two columns of the schema have the same name")
        same = alike(names, fold=False)
        if same:
            one, other = (clip(ascii(name)) for name in same)
            raise ValueError(f"the columns {one} and {other} look the same but for blanks or accents' encoding")
        if self.target not in names or self[self.target].kind != "binary":
            raise ValueError(f"the target {self.target!r} must be a binary column of the schema")

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, target included."""
        return tuple(column.name for column in self.columns)

    @property
    def features(self) -> tuple[Column, ...]:
        """All columns but the target."""
        return tuple(column for column in self.columns if column.name != self.target)

    @property
    def positive_label(self) -> str:
        """What the positive class is called."""
        return list(self[self.target].codebook.values())[1]

    def select(self, names: Sequence[str]) -> Schema:
        """The same schema with only these columns (the target must be one of them)."""
        return Schema(tuple(self[name] for name in names), self.target)

    def check(self, frame: pd.DataFrame, source: str) -> pd.DataFrame:
        """Returns the frame in the schema's order and types, or says in one sentence why it cannot be used.

        Numbers become float64, codes keep the codebook's own type inside an object column; missing cells are
        NaN. Extra columns are dropped.

        Args:
            frame: rows as read, one column per schema column or more.
            source: file or hospital, for the message.

        Raises:
            DataError: a column is missing, text stands in a number column, a value is outside the public
                bounds, a code is not in the codebook, or the target is missing in a row.
        """
        if len(frame) == 0:
            raise DataError(f"{source} has no rows: give it at least one patient or leave the hospital out.")
        checked: dict[str, pd.Series] = {}
        for column in self.columns:
            if column.name not in frame.columns:
                raise DataError(
                    f"{source} has no column {clip(repr(column.name))}{_hint(column.name, frame)}: the schema needs "
                    f"{clip(', '.join(self.names), 400)}."
                )
            values = frame[column.name]
            if isinstance(values, pd.DataFrame):
                raise DataError(f"{source} has two columns {column.name!r}: rename or delete one of them.")
            values = values.reset_index(drop=True)
            checked[column.name] = (
                _check_numbers(column, values, source) if column.is_numeric else _check_codes(column, values, source)
            )
        missing_target = checked[self.target].isna()
        if missing_target.any():
            row = int(np.flatnonzero(missing_target)[0]) + 1
            raise DataError(f"{source}, row {row}: the target {self.target!r} is missing; drop the row or fill it in.")
        return pd.DataFrame(checked)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Numbers as they are, codes as positions in the codebook, missing as NaN.

        Args:
            frame: rows that passed `check`.

        Returns:
            float64 array [rows, columns], columns in the schema's order.
        """
        encoded = np.empty((len(frame), len(self.columns)), np.float64)
        for index, column in enumerate(self.columns):
            values = frame[column.name]
            if column.is_numeric:
                encoded[:, index] = values.to_numpy(np.float64)
            else:
                positions = {code: position for position, code in enumerate(column.codes)}
                encoded[:, index] = [np.nan if pd.isna(v) else positions[v] for v in values]
        return encoded

    def decode(self, encoded: np.ndarray) -> pd.DataFrame:
        """The inverse of `encode`.

        Args:
            encoded: float64 [rows, columns] as `encode` returns it: whole positions in the code columns.

        Raises:
            ValueError: a code column holds something that is not a position in its codebook.
        """
        frame: dict[str, pd.Series] = {}
        for index, column in enumerate(self.columns):
            values = encoded[:, index]
            if column.is_numeric:
                frame[column.name] = pd.Series(values, dtype=np.float64)
            else:
                codes = column.codes
                present = values[~np.isnan(values)]
                if not np.isin(present, np.arange(len(codes))).all():
                    raise ValueError(f"column {column.name!r} holds numbers that are no codebook positions")
                frame[column.name] = pd.Series([np.nan if np.isnan(v) else codes[int(v)] for v in values], dtype=object)
        return pd.DataFrame(frame)


def _hint(name: str, frame: pd.DataFrame) -> str:
    """Which column of the frame may be meant, in brackets."""
    there = [str(column) for column in frame.columns]
    twin = next((one for one in there if look(one) == look(name)), None)
    if twin is not None:  # on a screen they may be the same
        return f" (it writes {clip(ascii(twin))}, the schema {clip(ascii(name))})"
    near = nearest_name(name, there)
    return f" (is it the one called {clip(repr(near))}?)" if near else ""


def _check_numbers(column: Column, values: pd.Series, source: str) -> pd.Series:
    if values.dtype.kind in "iuf":
        numbers = values.astype(np.float64)
    else:
        numbers = pd.Series([_number(value) for value in values], dtype=np.float64)
    # A blank cell is a missing one; NaN out of anything else was text.
    blank = values.isna() | values.map(lambda value: isinstance(value, str) and not value.strip())
    text = numbers.isna() & ~blank
    if text.any():
        row = int(np.flatnonzero(text)[0])
        raise DataError(
            f"{source}, column {column.name!r}, row {row + 1}: {clip(repr(str(values[row])))} is not a "
            "number; correct it or leave the cell empty."
        )
    numbers = numbers.mask(numbers.isin(column.missing_codes))
    assert column.bounds is not None
    low, high = column.bounds
    outside = (numbers < low) | (numbers > high)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        unit = f" {column.unit}" if column.unit else ""
        raise DataError(
            f"{source}, column {column.name!r}, row {row + 1}: {numbers[row]:g} lies outside the public "
            f"range {low:g} to {high:g}{unit}; correct the value or widen the schema's bounds."
        )
    fractional = numbers.notna() & (numbers % 1 != 0)
    if column.kind == "integer" and fractional.any():
        row = int(np.flatnonzero(fractional)[0])
        raise DataError(
            f"{source}, column {column.name!r}, row {row + 1}: {numbers[row]:g} is not a whole number; "
            "round it or make the schema's column continuous."
        )
    return numbers


def _number(value: object) -> float:
    """The value as a float: NaN where missing or not a number, infinity where too large for a float."""
    # Python's float() would read "1_000", which no data file means as a number.
    if isinstance(value, str) and "_" in value:
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return np.inf
    except (TypeError, ValueError):
        return np.nan


def _check_codes(column: Column, values: pd.Series, source: str) -> pd.Series:
    known = {str(code): code for code in column.codes}
    result: list[object] = []
    for row, value in enumerate(values):
        literal = str(value).strip()
        key = literal if literal in known else _code_text(value)
        if key not in known and _number(value) in column.missing_codes:
            key = ""
        if key and key not in known:
            raise DataError(
                f"{source}, column {column.name!r}, row {row + 1}: {clip(repr(str(value)))} is not in the "
                f"codebook "
                f"({clip(', '.join(f'{code} = {label}' for code, label in column.codebook.items()), 400)}); "
                "correct the value or extend the schema."
            )
        result.append(known[key] if key else np.nan)
    return pd.Series(result, dtype=object)


def _code_text(value: object) -> str:
    """The cell as its code would be written: 1.0, "1.0", True and " 1" are all "1"; empty where missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    text = str(value).strip()
    number = _number(value)
    if isinstance(value, str):
        return str(int(number)) if np.isfinite(number) and number.is_integer() and "." in text else text
    if np.isnan(number) and isinstance(value, float | np.floating):
        return ""
    return str(int(number)) if np.isfinite(number) and number.is_integer() else text
