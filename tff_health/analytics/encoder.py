"""Codes as 0/1 columns. Which columns there are follows from the public codebook, never from patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from data.schema import Column

OneHot = Literal["all", "drop-first"]


@dataclass(frozen=True)
class FeatureEncoder:
    """How one feature becomes columns.

    Attributes:
        name: the feature's column in the table.
        codes: positions of the codebook that get a 0/1 column; empty for a number, which stays one column.
        outputs: names of the resulting columns.
    """

    name: str
    codes: tuple[int, ...]
    outputs: tuple[str, ...]

    @classmethod
    def fit(cls, column: Column, one_hot: OneHot) -> FeatureEncoder:
        """Lays out one feature.

        A binary column becomes one column, 1 for the codebook's second code. A categorical one gets a column for
        each code, or (`drop-first`) for each but the first, which is then all zeros.

        Raises:
            ValueError: `one_hot` is neither `all` nor `drop-first`.
        """
        if one_hot not in get_args(OneHot):
            raise ValueError(f"one_hot must be one of {', '.join(get_args(OneHot))}, not {one_hot!r}")
        if column.is_numeric:
            return cls(column.name, (), (column.name,))
        if column.kind == "binary":
            return cls(column.name, (1,), (column.name,))
        codes = tuple(range(1 if one_hot == "drop-first" else 0, len(column.codes)))
        return cls(column.name, codes, tuple(f"{column.name}={column.codes[code]}" for code in codes))

    def transform(self, values: np.ndarray) -> np.ndarray:
        """float64 [rows, outputs] from imputed float64 [rows]; a code that is still NaN gives zeros everywhere."""
        if not self.codes:
            return values[:, np.newaxis]
        return (values[:, np.newaxis] == np.array(self.codes)).astype(np.float64)
