"""A generator and a synthesizer of a user's own: columns drawn independently from noted values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from data.schema import Column, Schema
from tff_health.synthesis.generator import TableGenerator
from tff_health.synthesis.synthesizer import Fitted, Synthesizer

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(18, 100), unit="years", quasi_identifier=True),
        Column("sex", "binary", codebook={0: "female", 1: "male"}, quasi_identifier=True),
        Column("oldpeak", "continuous", bounds=(-5.0, 10.0), missing_codes=(-9.0,)),
        Column("site", "categorical", codebook={"a": "ward A", "b": "ward B", "c": "clinic"}),
        Column("sick", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="sick",
)


class MeansGenerator(TableGenerator):
    kind = "test-means"

    def __init__(self, schema: Schema, means: np.ndarray) -> None:
        super().__init__(schema)
        self.means = means

    def _sample(self, rows: int, conditions: Mapping[str, int], seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        matrix = np.tile(self.means, (rows, 1))
        for index, column in enumerate(self.schema.columns):
            if column.kind == "continuous":
                assert column.bounds is not None
                values = (self.means[index] * random.normal(1.0, 0.3, size=rows)).clip(*column.bounds)
                matrix[:, index] = np.where(random.random(rows) < 0.05, np.nan, values)
            elif column.name == self.schema.target:
                matrix[:, index] = random.integers(2, size=rows)
            else:
                matrix[:, index] = np.round(matrix[:, index])
        for name, position in conditions.items():
            matrix[:, self.schema.names.index(name)] = position
        return matrix

    def document(self) -> dict[str, Any]:
        return {"made by": "test"}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"means": self.means}

    @classmethod
    def from_parts(
        cls, schema: Schema, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> MeansGenerator:
        return cls(schema, arrays["means"])


@dataclass(frozen=True)
class Means(Synthesizer):
    kind: ClassVar[str] = "test-means"
    shrink: float = 0.0

    def fit(self, schema, hospitals, *, seed, progress=None, checkpoints=None, probe=None):
        return Fitted(MeansGenerator(schema, np.nanmean(np.concatenate(hospitals), axis=0) * (1 - self.shrink)))

    def event(self) -> None:
        return None
