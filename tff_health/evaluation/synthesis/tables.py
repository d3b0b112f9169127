"""What every metric of synthetic rows sees: the real rows that trained the generator, held-out ones, synthetic ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from data.errors import SettingsError
from data.schema import Schema


@dataclass(frozen=True, eq=False)
class SynthesisTables:
    """The record that metrics receive, users' own included.

    Attributes:
        train: real rows that the generator was fitted on, of all hospitals.
        test: real rows that it never saw.
        synthetic: rows that it made.
        schema: of all three. The frames are put into its order and types (`Schema.check`), missing cells NaN.
        seed: of whatever a metric draws; the same seed gives the same values.

    Raises:
        DataError: a table is empty, lacks a column, or holds a value that the schema does not know.
        SettingsError: the seed is negative.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    synthetic: pd.DataFrame
    schema: Schema
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingsError(f"the seed must be 0 or more, not {self.seed}.")
        named = {"train": "real training rows", "test": "real held-out rows", "synthetic": "synthetic rows"}
        for field, source in named.items():
            object.__setattr__(self, field, self.schema.check(getattr(self, field), f"the table of {source}"))

    @cached_property
    def train_rows(self) -> np.ndarray:
        """`Schema.encode(train)`: float64 [rows, columns], codes as positions in the codebook, missing NaN."""
        return self.schema.encode(self.train)

    @cached_property
    def test_rows(self) -> np.ndarray:
        """`Schema.encode(test)`."""
        return self.schema.encode(self.test)

    @cached_property
    def synthetic_rows(self) -> np.ndarray:
        """`Schema.encode(synthetic)`."""
        return self.schema.encode(self.synthetic)

    def rng(self, *stream: int) -> np.random.Generator:
        """The random stream of this name under the record's seed."""
        return np.random.default_rng((self.seed, *stream))

    def resample(self, rng: np.random.Generator) -> SynthesisTables:
        """As many rows of each table, drawn with replacement."""

        def draw(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.iloc[rng.integers(len(frame), size=len(frame))]

        return replace(self, train=draw(self.train), test=draw(self.test), synthetic=draw(self.synthetic))


def labels(rows: np.ndarray, schema: Schema) -> np.ndarray:
    """int64 [rows]: 1 for the positive class, out of rows as `Schema.encode` gives them."""
    return rows[:, schema.names.index(schema.target)].astype(np.int64)


def at_most(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """The rows, or `most` of them drawn without replacement where there are more."""
    return rows if len(rows) <= most else rows[rng.choice(len(rows), most, replace=False)]
