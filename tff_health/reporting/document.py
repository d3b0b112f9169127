"""What all parts of results.json have in common: plain numbers, null for what is not defined."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: object) -> object:
    """NumPy scalars and arrays as Python's own, so that writers need not convert."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


Number = Annotated[float | None, BeforeValidator(_finite)]
"""A float, or None where it is not defined; NaN and infinities become None."""

Count = Annotated[int, Field(ge=0)]

FROM_JSON = {"from_json": True}
"""Context of validation for what a JSON parser made, which holds no NumPy values to look for at every level."""


class Document(BaseModel):
    """Base of all parts: unknown keys are refused, NumPy values are taken as plain numbers."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    @model_validator(mode="before")
    @classmethod
    def _plain_values(cls, value: Any, info: ValidationInfo) -> Any:
        return value if info.context is FROM_JSON else _plain(value)


class Metric(Document):
    """A measured value with its 95 % interval.

    Attributes:
        value: the estimate, the mean over seeds.
        low: lower end of the interval.
        high: upper end of the interval.
        n: held-out patients behind the value.
        seeds: the value of each seed, in the order of the run's seeds.
    """

    value: Number = None
    low: Number = None
    high: Number = None
    n: Count = 0
    seeds: list[Number] = Field(default_factory=list)


class Correlation(Document):
    """Pearson correlations, square, in the order of `names`."""

    names: list[str]
    matrix: list[list[Number]]
