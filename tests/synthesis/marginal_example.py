"""A small table whose dependences are known: on the label, on each other, on nothing; with missing cells."""

from __future__ import annotations

import numpy as np

from data.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(18, 90), unit="years"),
        Column("pressure", "continuous", bounds=(80, 220), unit="mmHg"),
        Column("vessels", "integer", bounds=(0, 3)),
        Column("sex", "binary", codebook={0: "female", 1: "male"}),
        Column("pain", "categorical", codebook={1: "typical", 2: "atypical", 3: "none"}),
        Column("sick", "binary", codebook={0: "healthy", 1: "sick"}),
    ),
    target="sick",
)


def make_rows(rows: int, seed: int, *, missing: float = 0.1) -> np.ndarray:
    """Encoded rows: `vessels` and `pain` follow the label, `pressure` follows `age`, `sex` follows nothing."""
    rng = np.random.default_rng(seed)
    sick = (rng.random(rows) < 0.4).astype(int)
    age = rng.integers(35, 80, rows)
    pain = np.array([rng.choice(3, p=[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]][y]) for y in sick])
    table = np.column_stack(
        [
            age,
            np.clip(60 + 1.4 * age + 5 * rng.standard_normal(rows), 80, 220),
            np.where(sick == 1, rng.integers(1, 4, rows), rng.integers(0, 2, rows)),
            rng.random(rows) < 0.6,
            pain,
            sick,
        ]
    ).astype(np.float64)
    table[rng.random(rows) < missing, 0] = np.nan
    table[rng.random(rows) < missing, 4] = np.nan
    return table
