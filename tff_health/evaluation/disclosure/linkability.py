"""Linkability: can two parts of a patient's record be joined through the synthetic table?

The attack is anonymeter's (Giomi et al. 2023, arXiv 2211.10459): the attacker holds some columns of a
patient in one file and others in another; where both parts have the same closest synthetic row they are taken for one
patient. The distance is `gower.py`'s, over public ranges, because anonymeter's is not a number where one cell is
missing and scales columns by the rows at hand; on complete tables scaled alike both find the same links. All training
and all held-out rows are attacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import pandas as pd

from data.errors import UnknownNameError
from data.schema import Schema
from tff_health.evaluation.disclosure.attack_rates import attack_metrics, undefined_attack
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate
from tff_health.evaluation.disclosure.gower import closest_others

NEIGHBOURS = 1


def linkability_metrics(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    parts: tuple[Sequence[str], Sequence[str]] | None = None,
    neighbours: int = NEIGHBOURS,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """Risk that the synthetic table links a training patient's two parts.

    Args:
        train: rows the generator was fitted on.
        holdout: rows of the same population that it never saw.
        synthetic: its rows.
        schema: of all three.
        parts: columns of the attacker's two files; default: every other feature, in the schema's order.
        neighbours: closest synthetic rows of each part that are looked at.
        level: coverage of the intervals.

    Returns:
        `risk`, `attack`, `control`, `baseline` (two random choices of synthetic rows); undefined with a reason where
        there are too few rows or columns.

    Raises:
        UnknownNameError: a part names what is no column.
    """
    features = [column.name for column in schema.features]
    first, second = parts or (features[::2], features[1::2])
    for name in (*first, *second):
        if name not in schema.names:
            raise UnknownNameError.among("column", name, schema.names)
    if not first or not second:
        return undefined_attack("It takes two columns or more to split a record.")
    if len(synthetic) <= neighbours:
        return undefined_attack(f"It takes more than {neighbours} synthetic rows.")
    rates = [
        float(linked(rows, synthetic, schema, (first, second), neighbours).mean()) if len(rows) else 0.0
        for rows in (train, holdout)
    ]
    rows = len(synthetic)
    baseline = 1 - comb(rows - neighbours, neighbours) / comb(rows, neighbours)
    return attack_metrics(rates[0], len(train), rates[1], len(holdout), baseline=baseline, level=level)


def linked(
    targets: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    parts: tuple[Sequence[str], Sequence[str]],
    neighbours: int,
) -> np.ndarray:
    """Whether the two parts of each target share a closest synthetic row, bool [targets].

    Of synthetic rows at the same distance the first ones count as closest.
    """
    first, second = (
        closest_others([schema[name] for name in names], targets, synthetic, neighbours) for names in parts
    )
    return np.asarray((first[:, :, np.newaxis] == second[:, np.newaxis, :]).any(axis=(1, 2)))
