"""What distances to the closest training row or image say, whatever they were measured by."""

from __future__ import annotations

import numpy as np

from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate, share_estimate, wilson_interval
from tff_health.evaluation.disclosure.hit_counts import effective_trials

RESAMPLES = 1000
NEAR_QUANTILE = 0.05


def closer_share(seen: np.ndarray, unseen: np.ndarray, trials: int, *, level: float = LEVEL) -> Estimate:
    """Share of synthetic rows whose closest real row is a training row, as if as many rows were held out as trained on.

    With a training row the closest of t synthetic rows on average and a held-out row of h, the value is t / (t + h): 1
    where all are copies of training rows, and .5 where training and held-out rows cannot be told apart. The interval is
    Wilson's for the plain share, with the number of synthetic rows reduced by what the real rows' counts vary more than
    by chance (delta method), carried over to the balanced share; it speaks of other patients and other synthetic
    rows, not of another training.

    Args:
        seen: synthetic rows that each training row is the closest of, [training rows], one or more; those with several
            closest rows count in parts.
        unseen: the same for held-out rows, one or more.
        trials: synthetic rows, 1 or more.
        level: coverage of the interval.
    """
    share = float(min(1.0, seen.sum() / (seen.sum() + unseen.sum())))
    low, high = wilson_interval(share, effective_trials(seen, unseen, trials), level)
    value, low, high = (_balanced(one, len(seen), len(unseen)) for one in (share, low, high))
    return Estimate(value, low, high)


def closest_distance_metrics(
    released: np.ndarray,
    strangers: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """How close synthetic rows come to training rows. Controls treat the held-out rows as if they were synthetic.

    Args:
        released: distances of synthetic rows to the closest and the second closest training row, float64 [rows, 2].
        strangers: the same of held-out rows.
        rng: source of the bootstrap draws.
        resamples: bootstrap resamples, over synthetic and held-out rows.
        level: coverage of the intervals.

    Returns:
        By name; those with `_holdout` are the controls:
        `exact_copies`: share of rows at a distance of 0;
        `near_copies`: share of rows within the distance of a training row that 5 % of the held-out rows keep;
        `dcr_median`: median distance to the closest training row;
        `nndr`: median ratio of the distances to the closest and the second closest training row.
    """
    values: dict[str, Estimate] = {}
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


def _balanced(share: float, seen: int, unseen: int) -> float:
    """The share with the odds divided by those that strangers' rows would have."""
    return share / seen / (share / seen + (1 - share) / unseen)


def _near(strangers: np.ndarray) -> float:
    return float(np.quantile(strangers, NEAR_QUANTILE, method="lower"))


def _ratios(nearest: np.ndarray) -> np.ndarray:
    """Closest over second closest; 1 where both are copies."""
    return np.divide(nearest[:, 0], nearest[:, 1], out=np.ones(len(nearest)), where=nearest[:, 1] > 0)
