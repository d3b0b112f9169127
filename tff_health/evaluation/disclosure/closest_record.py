"""How close synthetic rows come to the patients behind them, beside patients whom the generator never saw.

Distance to the closest record with a holdout after Platzer and Reutterer, "Holdout-based empirical assessment of
mixed-type synthetic data" (Frontiers in Big Data 2021, arXiv 2104.00635). They hold out half of the rows. Where fewer
are held out, drawing an equally small part of the training rows would leave out most of what a generator may have
memorised; here every real row counts, and what is compared is how many synthetic rows have *one* training row, or *one*
held-out row, as their closest: the same share where both tables are equally large.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.schema import Schema
from tff_health.evaluation.disclosure.closest_distances import RESAMPLES, closer_share, closest_distance_metrics
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate, undefined
from tff_health.evaluation.disclosure.gower import gower_blocks


def closest_record_metrics(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """How close synthetic rows come to training rows. Controls treat the held-out rows as if they were synthetic.

    Args:
        train: rows the generator was fitted on.
        holdout: rows of the same population that it never saw.
        synthetic: its rows.
        schema: of all three.
        rng: source of the bootstrap draws.
        resamples: bootstrap resamples, over synthetic and held-out rows.
        level: coverage of the intervals.

    Returns:
        By name; those with `_holdout` are the controls:
        `dcr_share`: synthetic rows closer to a training than to a held-out row, .5 for strangers' rows (`dcr_share`);
        `exact_copies`: share of rows that equal a training row in every column;
        `near_copies`: share of rows within the distance of a training row that 5 % of the held-out rows keep;
        `dcr_median`: median distance to the closest training row, 0 to 1;
        `nndr`: median ratio of the distances to the closest and the second closest training row.
    """
    names = ("dcr_share", "exact_copies", "near_copies", "dcr_median", "nndr")
    values: dict[str, Estimate] = {}
    if len(train) < 2 or not len(holdout) or not len(synthetic):
        short = undefined("It takes two training rows, a held-out row and a synthetic row.")
        return dict.fromkeys((*names, *(f"{name}_holdout" for name in names[1:])), short)
    values["dcr_share"] = dcr_share(train, holdout, synthetic, schema, level=level)
    released, strangers = (nearest_two(schema, rows, train) for rows in (synthetic, holdout))
    return values | closest_distance_metrics(released, strangers, rng=rng, resamples=resamples, level=level)


def dcr_share(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, *, level: float = LEVEL
) -> Estimate:
    """Share of synthetic rows whose closest real row is a training row, as if as many rows were held out as trained on.

    A synthetic row that has several closest real rows counts in parts; see `closest_distances.closer_share`.

    Args:
        train: one row or more.
        holdout: one row or more.
        synthetic: one row or more.
        schema: of all three.
        level: coverage of the interval.
    """
    real = pd.concat([train, holdout], ignore_index=True)
    counts = np.zeros(len(real))
    for _, distances in gower_blocks(schema.columns, synthetic, real):
        closest = distances == distances.min(axis=1, keepdims=True)
        counts += (closest / closest.sum(axis=1, keepdims=True)).sum(axis=0)
    return closer_share(counts[: len(train)], counts[len(train) :], len(synthetic), level=level)


def nearest_two(schema: Schema, rows: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Distances to the closest and the second closest of the others, float64 [rows, 2].

    Args:
        schema: of both.
        rows: any number.
        others: two or more.
    """
    found = np.empty((len(rows), 2))
    for chosen, distances in gower_blocks(schema.columns, rows, others):
        found[chosen] = np.partition(distances, 1, axis=1)[:, :2]
    return found
