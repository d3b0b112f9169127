"""Epsilon lower bound from one run with many canaries.

Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run" (NeurIPS 2023, arXiv 2305.08846), Theorem 5.2
and Appendix D. Every canary is in with probability 1/2, by independent fair coins; an attacker sees the output and
guesses "in", "out" or abstains. If the mechanism is (epsilon, delta)-DP, the number of right guesses is hardly ever
larger than a binomial with success probability e^epsilon / (e^epsilon + 1): whatever the canaries do to each other,
and whatever the distribution of the noise. Guesses must depend on the output alone and their number must be fixed
before it is seen.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import special, stats

from data.errors import SettingsError

_TOLERANCE = 1e-6  # of the bound; bisection ends on the side where the p-value is small enough


def p_value(correct: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """How likely at least `correct` right guesses are, at most, under (epsilon, delta)-DP.

    P[V >= v] <= P[W >= v] + 2 m delta max_i P[v > W >= v - i] / i, with W ~ Binomial(r, e^epsilon / (1 + e^epsilon)).

    Args:
        correct: v, right guesses.
        guesses: r, guesses made; the rest are abstentions.
        canaries: m, all canaries, guessed on or not.
        epsilon: of the hypothesis.
        delta: of the hypothesis.

    Returns:
        The p-value, in [0, 1].

    Raises:
        SettingsError: the numbers contradict each other.
    """
    check_counts(correct, guesses, canaries)
    check_delta(delta)
    if not epsilon >= 0:
        raise SettingsError(f"epsilon is {epsilon}; an audited epsilon is at least 0.")
    accuracy = special.expit(epsilon)  # of epsilon-DP randomised response
    tail = float(stats.binom.sf(correct - 1, guesses, accuracy))
    if delta == 0 or correct == 0:
        return min(tail, 1.0)
    below = np.cumsum(stats.binom.pmf(np.arange(correct - 1, -1, -1), guesses, accuracy))
    steepest = float(np.max(below / np.arange(1, correct + 1)))
    return min(tail + 2 * canaries * delta * steepest, 1.0)


@functools.lru_cache(maxsize=4096)
def epsilon_lower_bound(correct: int, guesses: int, canaries: int, delta: float, confidence: float = 0.95) -> float:
    """The largest epsilon that `correct` right guesses refute.

    Args:
        correct: right guesses.
        guesses: guesses made, a number fixed in advance.
        canaries: all canaries.
        delta: of the guarantee.
        confidence: probability with which the bound is to hold.

    Returns:
        Epsilon, at least 0 (where nothing is refuted).

    Raises:
        SettingsError: the numbers contradict each other, or the confidence is not in (0, 1).
    """
    check_counts(correct, guesses, canaries)
    check_delta(delta)
    check_confidence(confidence)

    def refuted(epsilon: float) -> bool:
        return p_value(correct, guesses, canaries, epsilon, delta) <= 1 - confidence

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while refuted(high):
        low, high = high, 2 * high
    while high - low > _TOLERANCE:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def ceiling(canaries: int, delta: float, confidence: float = 0.95, guesses: int | None = None) -> float:
    """The bound that an audit would show if every guess were right.

    Args:
        canaries: all canaries.
        delta: of the guarantee.
        confidence: of the bound.
        guesses: guesses made; all canaries by default.
    """
    made = canaries if guesses is None else guesses
    return epsilon_lower_bound(made, made, canaries, delta, confidence)


def check_confidence(confidence: float) -> None:
    """Raises `SettingsError` unless the confidence lies strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise SettingsError(f"the audit's confidence is {confidence}; it must lie between 0 and 1, for example 0.95.")


def check_counts(correct: int, guesses: int, canaries: int) -> None:
    """Raises `SettingsError` unless 0 <= correct <= guesses <= canaries."""
    if not 0 <= correct <= guesses <= canaries:
        raise SettingsError(
            f"an audit cannot have {correct} right among {guesses} guesses on {canaries} canaries; "
            "right guesses are at most the guesses, and these at most the canaries."
        )


def check_delta(delta: float) -> None:
    """Raises `SettingsError` unless delta lies in [0, 1)."""
    if not 0 <= delta < 1:
        raise SettingsError(f"delta is {delta}; it must be at least 0 and below 1, for example 1e-5.")
