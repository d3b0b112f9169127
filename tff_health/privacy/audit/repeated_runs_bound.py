"""Epsilon lower bound from many independent runs, for mechanisms where one run holds too few units.

Jagielski, Ullman and Oprea, "Auditing differentially private machine learning: how private is private SGD?" (NeurIPS
2020, arXiv 2006.07709), with Clopper-Pearson intervals. Half of the runs have the unit, half do not; an attacker's
threshold on a score tells them apart. (epsilon, delta)-DP demands TPR <= e^epsilon FPR + delta, and the same of the
complements.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from data.errors import SettingsError
from tff_health.privacy.audit.one_run_bound import check_confidence
from tff_health.privacy.audit.result import AuditError, AuditResult

METHOD = "repeated runs, Clopper-Pearson (Jagielski et al. 2020)"


def epsilon_from_rates(
    true_positives: int, in_runs: int, false_positives: int, out_runs: int, delta: float, confidence: float = 0.95
) -> float:
    """The epsilon refuted by an attacker's error rates.

    Args:
        true_positives: runs with the unit in which the attacker said "in".
        in_runs: runs with the unit.
        false_positives: runs without it in which the attacker said "in".
        out_runs: runs without it.
        delta: of the guarantee.
        confidence: of the bound; each of the two rates takes half of the error.

    Returns:
        Epsilon, at least 0.

    Raises:
        SettingsError: counts or confidence make no sense.
    """
    check_confidence(confidence)
    if not (0 <= true_positives <= in_runs and 0 <= false_positives <= out_runs and in_runs and out_runs):
        raise SettingsError(
            f"an audit cannot have {true_positives} detections in {in_runs} runs and {false_positives} false alarms in "
            f"{out_runs}; it needs runs of both kinds, and no more detections than runs."
        )
    error = (1 - confidence) / 2
    false_positive_rate = _upper(false_positives, out_runs, error)
    false_negative_rate = _upper(in_runs - true_positives, in_runs, error)
    ratios = (
        (1 - false_negative_rate - delta) / false_positive_rate,
        (1 - false_positive_rate - delta) / false_negative_rate,
    )
    return max(math.log(max(*ratios, 1.0)), 0.0)


def audit_runs(
    in_scores: npt.ArrayLike,
    out_scores: npt.ArrayLike,
    *,
    delta: float,
    confidence: float = 0.95,
    claimed_epsilon: float | None = None,
    unit: str = "hospital",
) -> AuditResult:
    """Bounds epsilon from one score a run; the first half of the runs chooses the threshold, the second is counted.

    Args:
        in_scores: a score for each independent run with the unit, higher meaning "in", [a].
        out_scores: the same for runs without the unit, [b].
        delta: of the guarantee.
        confidence: of the bound.
        claimed_epsilon: the accountant's upper bound, if any.
        unit: whose presence is guessed.

    Returns:
        The audit's result; `canaries` and `guesses` are the runs that were counted.

    Raises:
        AuditError: fewer than two runs of a kind, or scores that are not finite.
        SettingsError: the confidence makes no sense.
    """
    scores = [np.asarray(values, np.float64) for values in (in_scores, out_scores)]
    if any(values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all() for values in scores):
        raise AuditError("an audit by repeated runs needs at least two finite scores of runs with and of runs without.")
    (in_chosen, in_counted), (out_chosen, out_counted) = (np.array_split(values, 2) for values in scores)
    candidates = np.sort(np.concatenate([in_chosen, out_chosen]))
    candidates = np.unique((candidates[:-1] + candidates[1:]) / 2)

    def bound(threshold: float, present: np.ndarray, away: np.ndarray) -> float:
        detected, alarms = int((present > threshold).sum()), int((away > threshold).sum())
        return epsilon_from_rates(detected, len(present), alarms, len(away), delta, confidence)

    threshold = float(max(candidates, key=lambda candidate: bound(candidate, in_chosen, out_chosen)))
    detected, alarms = int((in_counted > threshold).sum()), int((out_counted > threshold).sum())
    counted = len(in_counted) + len(out_counted)
    return AuditResult(
        epsilon_lower=bound(threshold, in_counted, out_counted),
        confidence=confidence,
        delta=delta,
        canaries=counted,
        guesses=counted,
        correct=detected + len(out_counted) - alarms,
        ceiling=epsilon_from_rates(len(in_counted), len(in_counted), 0, len(out_counted), delta, confidence),
        method=METHOD,
        unit=unit,
        repeated=True,
        claimed_epsilon=claimed_epsilon,
    )


@functools.lru_cache(maxsize=65536)
def _upper(successes: int, trials: int, error: float) -> float:
    """One-sided Clopper-Pearson upper bound on a rate, exceeded by the truth with probability `error` at most."""
    return 1.0 if successes == trials else float(stats.beta.ppf(1 - error, successes + 1, trials - successes))
