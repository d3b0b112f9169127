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
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate, share_estimate, undefined, wilson_interval
from tff_health.evaluation.disclosure.gower import gower_blocks
from tff_health.evaluation.disclosure.hit_counts import effective_trials

RESAMPLES = 1000
NEAR_QUANTILE = 0.05


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
    threshold = _near(strangers[:, 0])
    for suffix, rows in (("", released), ("_holdout", strangers)):
        values[f"exact_copies{suffix}"] = share_estimate(float((rows[:, 0] == 0).mean()), len(rows), level)
        near, median, ratio = float((rows[:, 0] <= threshold).mean()), np.median(rows[:, 0]), np.median(_ratios(rows))
        drawn = []
        for _ in range(resamples):
            sample = rows[rng.integers(len(rows), size=len(rows))]
            others = strangers[rng.integers(len(strangers), size=len(strangers)), 0] if suffix == "" else sample[:, 0]
            drawn.append(((sample[:, 0] <= _near(others)).mean(), np.median(sample[:, 0]), np.median(_ratios(sample))))
        lows, highs = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        for index, (name, value) in enumerate((("near_copies", near), ("dcr_median", median), ("nndr", ratio))):
            values[f"{name}{suffix}"] = Estimate(float(value), float(lows[index]), float(highs[index]))
    return values


def dcr_share(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, *, level: float = LEVEL
) -> Estimate:
    """Share of synthetic rows whose closest real row is a training row, as if as many rows were held out as trained on.

    A synthetic row that has several closest real rows counts in parts. With a training row the closest of t synthetic
    rows on average and a held-out row of h, the value is t / (t + h): 1 where all are copies of training rows, and .5
    where training and held-out rows cannot be told apart. The interval is Wilson's for the plain share, with
    the number of synthetic rows reduced by what the real rows' counts vary more than by chance (delta method), carried
    over to the balanced share; it speaks of other patients and other synthetic rows, not of another training.

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
    seen, unseen = counts[: len(train)], counts[len(train) :]
    share = float(min(1.0, seen.sum() / counts.sum()))
    low, high = wilson_interval(share, effective_trials(seen, unseen, len(synthetic)), level)
    value, low, high = (_balanced(one, len(train), len(holdout)) for one in (share, low, high))
    return Estimate(value, low, high)


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


def _balanced(share: float, seen: int, unseen: int) -> float:
    """The share with the odds divided by those that strangers' rows would have."""
    return share / seen / (share / seen + (1 - share) / unseen)


def _near(strangers: np.ndarray) -> float:
    return float(np.quantile(strangers, NEAR_QUANTILE, method="lower"))


def _ratios(nearest: np.ndarray) -> np.ndarray:
    """Closest over second closest; 1 where both are copies."""
    return np.divide(nearest[:, 0], nearest[:, 1], out=np.ones(len(nearest)), where=nearest[:, 1] > 0)
