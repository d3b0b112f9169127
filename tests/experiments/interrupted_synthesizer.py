"""A private synthesizer whose releases are only counted, and which can be stopped in any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import dp_accounting
import numpy as np

from data.schema import Column, Schema
from tff_health.synthesis.generator import TableGenerator
from tff_health.synthesis.synthesizer import Fitted, ReleaseLostError, Synthesizer, latest_of_private

SCHEMA = Schema(
    (Column("age", "integer", bounds=(0, 9)), Column("sick", "binary", codebook={0: "no", 1: "yes"})), "sick"
)


class Constant(TableGenerator):
    """The same row, always."""

    kind = "test-constant"

    def _sample(self, rows: int, conditions: Mapping[str, int], seed: int) -> np.ndarray:
        return np.zeros((rows, len(self.schema.columns)))

    def document(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    @classmethod
    def from_parts(cls, schema: Schema, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Constant:
        return cls(schema)


class StoppedError(Exception):
    """Stands for a process that dies."""


@dataclass(frozen=True)
class Interrupted(Synthesizer):
    """One release, marked as begun before it is made.

    Attributes:
        noise_multiplier: of the release; None: no guarantee.
        placement: who adds the noise.
        stop: in the midst of the release, or after it.
        made: noise multipliers of the releases made, in order.
    """

    kind: ClassVar[str] = "test-interrupted"
    noise_multiplier: float | None = 4.0
    placement: str = "shared"
    stop: str = ""
    made: list[float | None] = field(default_factory=list, compare=False)

    def fit(
        self, schema: Schema, hospitals: Sequence[np.ndarray], *, checkpoints: Any = None, **options: Any
    ) -> Fitted:
        saved = latest_of_private(checkpoints)
        if saved is not None and saved.step == 0:
            raise ReleaseLostError("stopped during its release")
        if saved is None:
            checkpoints.save(0, {"begun": 1})
            self.made.append(self.noise_multiplier)
            if self.stop == "during":
                raise StoppedError
            checkpoints.save(1, {"begun": 1})
        if self.stop == "after":
            raise StoppedError
        return Fitted(Constant(schema))

    def event(self) -> dp_accounting.DpEvent | None:
        return None if self.noise_multiplier is None else dp_accounting.GaussianDpEvent(self.noise_multiplier)

    def privacy_words(self) -> dict[str, str]:
        return {"mechanism": "noise on one sum", "sampling": "every patient in it"}
