"""From an attacker's scores to guesses, and from guesses to a bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from data.errors import SettingsError
from tff_health.privacy.audit.f_dp_bound import mu_lower_bound
from tff_health.privacy.audit.one_run_bound import check_confidence, check_delta, epsilon_lower_bound
from tff_health.privacy.audit.result import AuditError, AuditResult
from tff_health.privacy.gaussian import gaussian_epsilon

Curve = Literal["any", "gaussian"]
METHODS: dict[Curve, str] = {
    "any": "one run, many canaries (Steinke et al. 2023)",
    "gaussian": "one run, many canaries, against a Gaussian guarantee (Mahloujifar et al. 2024)",
}
_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)


def default_guess_counts(canaries: int) -> tuple[int, ...]:
    """An eighth, a quarter, a half and all of the canaries; a function of the canaries alone."""
    return tuple(sorted({max(int(canaries * share), 1) for share in _SHARES}))


def audit_scores(
    scores: npt.ArrayLike,
    included: npt.ArrayLike,
    *,
    delta: float,
    confidence: float = 0.95,
    curve: Curve = "any",
    threshold: float | None = None,
    guess_counts: Sequence[int] | None = None,
    claimed_epsilon: float | None = None,
    unit: str = "patient",
) -> AuditResult:
    """Guesses "in" above the threshold and "out" below it, where the score is clearest, and bounds epsilon.

    The scores may come from any attack on one run, over any number of rounds; they must not have been computed from
    `included`. Where several numbers of guesses are tried, each is tested at (1 - confidence) / their number
    (Bonferroni), so picking the best afterwards does not spoil the confidence.

    Args:
        scores: one a canary, higher meaning "in", [m].
        included: whether the canary was in, by independent fair coins, [m].
        delta: of the guarantee.
        confidence: of the bound.
        curve: "any" for every mechanism; "gaussian" (tighter) only where the claim is mu-Gaussian DP: Gaussian noise
            without subsampling (`f_dp_bound.py`).
        threshold: between "out" and "in"; the scores' mean by default. The farther from it, the sooner it is guessed
            on.
        guess_counts: numbers of guesses to try, fixed before the scores were seen; `default_guess_counts` otherwise.
        claimed_epsilon: the accountant's upper bound for the same unit and delta, if any.
        unit: whose presence is guessed.

    Returns:
        The result for the number of guesses that gave the largest bound.

    Raises:
        AuditError: the scores are not one finite number a canary.
        SettingsError: curve, guess counts, delta or confidence make no sense.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(included, bool)
    if values.ndim != 1 or values.shape != truth.shape or len(values) < 2:
        raise AuditError(f"an audit needs one score a canary; got scores {values.shape} for canaries {truth.shape}.")
    if not np.isfinite(values).all():
        raise AuditError("an audit's scores are not finite: the audited process diverged; use a smaller learning rate.")
    check_confidence(confidence)
    check_delta(delta)
    if curve == "gaussian" and delta == 0:
        raise SettingsError("delta is 0: a Gaussian guarantee has no epsilon there; give for example 1e-5.")
    canaries = len(values)
    counts = default_guess_counts(canaries) if guess_counts is None else tuple(guess_counts)
    if curve not in get_args(Curve) or not counts or any(not 1 <= count <= canaries for count in counts):
        raise SettingsError(
            f"audit: curve is {curve!r}, one of {get_args(Curve)}; guess counts are {list(counts)}, "
            f"each from 1 to the {canaries} canaries."
        )
    each = 1 - (1 - confidence) / len(counts)

    def bound(right: int, count: int) -> float:
        if curve == "gaussian":
            return gaussian_epsilon(mu_lower_bound(right, count, canaries, each), delta)
        return epsilon_lower_bound(right, count, canaries, delta, each)

    centred = values - (values.mean() if threshold is None else threshold)
    is_right = (centred > 0) == truth
    clearest = np.argsort(-np.abs(centred), kind="stable")
    rights = [int(is_right[clearest[:count]].sum()) for count in counts]
    bounds = [bound(right, count) for right, count in zip(rights, counts, strict=True)]
    # Where nothing is shown, the largest number of guesses says most about why.
    best = max(range(len(counts)), key=lambda index: (bounds[index], counts[index]))
    return AuditResult(
        epsilon_lower=bounds[best],
        confidence=confidence,
        delta=delta,
        canaries=canaries,
        guesses=counts[best],
        correct=rights[best],
        ceiling=max(bound(count, count) for count in counts),
        method=METHODS[curve],
        unit=unit,
        claimed_epsilon=claimed_epsilon,
    )


def fair_coins(canaries: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Which canaries are in: bool [m], each with probability 1/2.

    Args:
        canaries: m, at least 2.
        rng: for tests; fresh entropy by default, since coins that the process could know would void the audit.

    Raises:
        SettingsError: fewer than two canaries.
    """
    if canaries < 2:
        raise SettingsError(f"{canaries} canaries are asked for; an audit needs at least 2, and 100 to show much.")
    return (np.random.default_rng() if rng is None else rng).random(canaries) < 0.5
