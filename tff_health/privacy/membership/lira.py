"""The likelihood-ratio attack, LiRA (Carlini et al. 2022, "Membership inference attacks from first principles",
arXiv 2112.03570, algorithm 1).

For every row the shadow models that trained on it, and those that did not, each give a Gaussian of the row's
logit-scaled confidence; the attacked model's confidence is scored by the ratio of the two densities. So a row is
compared with itself, and a patient who is easy for every model is not taken for a member.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tff_health.privacy.membership.observations import Observations, scaled_confidence

Variance = Literal["auto", "global", "per-example"]

PER_EXAMPLE_FROM = 32
"""Models a side from which a row's own variance is used: below 64 shadows the paper (section VI.C) shares one."""
SMALLEST_VARIANCE = 1e-10
"""A floor, for models that give a row the same score whatever they were trained on."""


@dataclass(frozen=True)
class Gaussians:
    """Each row's logit-scaled confidence under shadow models of one kind.

    Attributes:
        count: shadow models, int64 [rows].
        mean: float64 [rows]; NaN where there is no model.
        variance: float64 [rows].
    """

    count: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """Log of the normal density at each row's value, float64 [rows]."""
        return -0.5 * (np.log(2 * np.pi * self.variance) + (values - self.mean) ** 2 / self.variance)


def fit_gaussians(confidences: np.ndarray, chosen: np.ndarray, variance: Literal["global", "per-example"]) -> Gaussians:
    """Means by row, and the variance around them: of each row, or pooled over rows.

    The pooled variance is within rows (squared deviations from each row's own mean over the degrees of freedom), so
    that differences between easy and hard rows do not count as noise of training.

    Args:
        confidences: float64 [shadows, rows].
        chosen: which of them to use, bool [shadows, rows].
        variance: which.

    Raises:
        ValueError: no row (global) or not every row (per example) has the two models that a variance needs.
    """
    count = chosen.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(chosen, confidences, 0.0).sum(axis=0) / count
    squares = np.where(chosen, (confidences - mean) ** 2, 0.0).sum(axis=0)
    freedom = np.maximum(count - 1, 0)
    if variance == "per-example":
        if (freedom == 0).any():
            raise ValueError("a variance for each row needs two shadow models with and two without it: add shadows")
        by_row = squares / freedom
    else:
        if freedom.sum() == 0:
            raise ValueError("a variance needs a row with two shadow models of the same kind: add shadows")
        by_row = np.full(len(count), squares.sum() / freedom.sum())
    return Gaussians(count, mean, np.maximum(by_row, SMALLEST_VARIANCE))


def online_lira(observations: Observations, variance: Variance = "auto") -> np.ndarray:
    """log N(phi; in) - log N(phi; out) of every row; above 0 where membership explains the score better.

    Args:
        observations: with shadows, at least one with and one without each row.
        variance: of each row, one for all, or by the number of shadows.

    Returns:
        float64 [rows], higher for likelier members.

    Raises:
        ValueError: there are no shadows, or too few.
    """
    target, shadows, masks = _confidences(observations)
    fewest = min(masks.sum(axis=0).min(), (~masks).sum(axis=0).min())
    if fewest == 0:
        raise ValueError("online LiRA needs a shadow model with and one without each row; use the offline variant")
    kind = _resolve(variance, int(fewest))
    return fit_gaussians(shadows, masks, kind).log_density(target) - fit_gaussians(shadows, ~masks, kind).log_density(
        target
    )


def offline_lira(observations: Observations, variance: Variance = "auto") -> np.ndarray:
    """How far the score lies above what models without the row give it, in standard deviations (paper, equation 4).

    The paper's score is the probability 1 - Pr[Z > phi]; this is its normal quantile, which ranks alike and does not
    saturate.

    Args:
        observations: with shadows, at least one without each row.
        variance: of each row, one for all, or by the number of shadows.

    Returns:
        float64 [rows], higher for likelier members.

    Raises:
        ValueError: there are no shadows, or too few.
    """
    target, shadows, masks = _confidences(observations)
    fewest = int((~masks).sum(axis=0).min())
    if fewest == 0:
        raise ValueError("LiRA needs a shadow model without each row: add shadows or train them on fewer rows")
    outside = fit_gaussians(shadows, ~masks, _resolve(variance, fewest))
    return (target - outside.mean) / np.sqrt(outside.variance)


def lira(observations: Observations) -> np.ndarray:
    """Online LiRA where every row has a shadow model that trained on it, else offline LiRA.

    One variant serves all rows, as scores of the two are not on one scale; arguments and result as there.
    """
    if observations.shadow_masks is not None and observations.shadow_masks.any(axis=0).all():
        return online_lira(observations)
    return offline_lira(observations)


def _resolve(variance: Variance, fewest: int) -> Literal["global", "per-example"]:
    if variance == "auto":
        return "per-example" if fewest >= PER_EXAMPLE_FROM else "global"
    return variance


def _confidences(observations: Observations) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if observations.shadow_scores is None or observations.shadow_masks is None:
        raise ValueError("LiRA needs shadow models")
    return (
        scaled_confidence(observations.scores, observations.labels),
        scaled_confidence(observations.shadow_scores, observations.labels),
        observations.shadow_masks,
    )
