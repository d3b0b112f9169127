"""A table with every kind of column and plenty of holes."""

from __future__ import annotations

import numpy as np

from data.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(18, 90), unit="years"),
        Column("pressure", "continuous", bounds=(80, 220), unit="mmHg"),
        Column("chol", "continuous", bounds=(100, 600), unit="mg/dl"),
        Column("sex", "binary", codebook={0: "female", 1: "male"}),
        Column("pain", "categorical", codebook={1: "typical", 2: "atypical", 3: "other", 4: "none"}),
        Column("sick", "binary", codebook={0: "healthy", 1: "sick"}),
    ),
    target="sick",
)


def make_rows(rows: int, seed: int, *, missing: float = 0.1) -> np.ndarray:
    """Encoded rows of `SCHEMA`; no target is missing."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 91, rows)
    table = np.column_stack(
        [
            age,
            np.clip(100 + age / 2 + 15 * rng.standard_normal(rows), 80, 220),
            np.clip(240 + 50 * rng.standard_normal(rows), 100, 600),
            rng.random(rows) < 0.6,
            rng.choice(4, rows, p=[0.1, 0.2, 0.3, 0.4]),
            rng.random(rows) < 0.4,
        ]
    ).astype(np.float64)
    holes = rng.random(table.shape) < missing
    holes[:, -1] = False
    table[holes] = np.nan
    return table
