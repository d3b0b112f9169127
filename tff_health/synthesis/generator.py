"""What every fitted generator of tables can do: sample rows, by condition where wanted; be saved as plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from data.errors import SettingsError
from data.schema import Schema
from tff_health.synthesis.conditions import resolve_conditions

MOST_ROWS = 10_000_000


class TableGenerator(ABC):
    """A fitted generator; holds no patient's row.

    Attributes:
        kind: name in a saved file; one per class (`generator_file.py` finds the class by it).
        schema: of the rows it makes.
    """

    kind: ClassVar[str]

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def sample(
        self, rows: int, conditions: Mapping[str, int | str] | None = None, seed: int | None = None
    ) -> pd.DataFrame:
        """Synthetic rows in the schema's order and types, missing cells NaN.

        Args:
            rows: how many, 0 or more.
            conditions: by coded column, the code or label that every row has: `{"sex": "female", "condition": 1}`.
            seed: the same seed gives the same rows; None: fresh ones.

        Raises:
            SettingsError: a column or value that the schema does not have, or an impossible number of rows.
        """
        if not 0 <= rows <= MOST_ROWS:
            raise SettingsError(f"rows must lie between 0 and {MOST_ROWS:,}, not {rows}.")
        wanted = resolve_conditions(self.schema, conditions)
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
        matrix = self._sample(rows, wanted, seed) if rows else np.empty((0, len(self.schema.columns)))
        for name, position in wanted.items():
            if not (matrix[:, self.schema.names.index(name)] == position).all():
                raise AssertionError(f"{self.kind} broke the condition on {name!r}")
        return self.schema.decode(matrix)

    @abstractmethod
    def _sample(self, rows: int, conditions: Mapping[str, int], seed: int) -> np.ndarray:
        """Rows as `Schema.encode` has them.

        Args:
            rows: 1 or more.
            conditions: by coded column, a position in its codebook; met in every row.
            seed: of every random stream (`runtime.seeds`).

        Returns:
            float64 [rows, columns]; valid: within bounds, whole where integer, NaN where missing; the target never
            missing.
        """

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What `from_parts` needs besides arrays and schema, as plain JSON values."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_parts` needs, as numeric arrays by name."""

    @classmethod
    @abstractmethod
    def from_parts(
        cls, schema: Schema, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> TableGenerator:
        """The generator that `document` and `arrays` were made by.

        Raises:
            DataError: the parts do not fit together.
        """
