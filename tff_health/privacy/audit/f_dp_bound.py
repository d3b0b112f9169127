"""A tighter one-run bound where the guarantee under audit is a Gaussian one.

Mahloujifar, Melis and Chaudhuri, "Auditing f-differential privacy in one run" (2024, arXiv 2410.22235). A mechanism
whose accountant's claim is mu-Gaussian DP (Dong, Roth and Su 2022: Gaussian noise without subsampling, composed: mu =
sqrt(steps) / noise multiplier) promises more than one pair of epsilon and delta, and the whole promise can be tested.
The result is "not mu-GDP for any mu below ..."; its epsilon at delta refutes a claim that rests on such a curve. It
is *not* a bound for mechanisms of another curve (Poisson sampling, discrete noise): use `one_run_bound.py` for them.

The test. Let p_l be the probability of l right guesses out of r on m canaries. Swapping one canary's coin makes one
right guess wrong, so f-DP, averaged over canaries (f is convex), demands for every i

    sum_{l > i} (l / m) p_l  <=  1 - f(sum_{l >= i} ((r - l) / m) p_l).

With P_i = sum_{l >= i} p_l and G_i = sum_{l >= i} ((l - i) / m) p_l, so that G_i = G_{i+1} + P_{i+1} / m, this reads

    P_i >= m / (r - i) * (g(G_i + i P_{i+1} / m) + G_i),     g the inverse of 1 - f.

The right-hand side grows with P_{i+1} and with G_i. So if P_v is tau or more, the recursion started at P_v = tau, G_v
= 0 stays below the true values; should it pass 1, then P_v, the probability of v or more right guesses, is below tau.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from scipy import special

from tff_health.privacy.audit.one_run_bound import check_confidence, check_counts

_LARGEST_MU = 64.0
_GRID, _REFINEMENTS = 64, 3  # resolution 64 / 63^3: 3e-4 of mu, on the refuted side


def refutes_gaussian(
    correct: int, guesses: int, canaries: int, mu: npt.ArrayLike, significance: float
) -> npt.NDArray[np.bool_]:
    """Whether so many right guesses are less likely than `significance` under mu-Gaussian DP.

    Args:
        correct: v, right guesses.
        guesses: r, a number fixed in advance.
        canaries: m, all canaries.
        mu: of the hypotheses, each at least 0, any shape.
        significance: tau.

    Returns:
        For each mu; True for all below one that is True.
    """
    shift = np.asarray(mu, np.float64)
    at_least, excess = np.full(shift.shape, significance), np.zeros(shift.shape)
    for right in range(correct - 1, -1, -1):
        excess = excess + at_least / canaries
        detected = np.minimum(excess + right * at_least / canaries, 1)
        needed = special.ndtr(special.ndtri(detected) - shift)
        # Above 1 it is refuted and stays so; the cap keeps it from overflowing.
        at_least = np.minimum(np.maximum(at_least, canaries / (guesses - right) * (needed + excess)), 2)
    return at_least > 1


@functools.lru_cache(maxsize=4096)
def mu_lower_bound(correct: int, guesses: int, canaries: int, confidence: float = 0.95) -> float:
    """The largest mu that `correct` right guesses refute.

    Args:
        correct: right guesses.
        guesses: guesses made, a number fixed in advance.
        canaries: all canaries.
        confidence: probability with which the bound is to hold.

    Returns:
        Mu, from 0 (where nothing is refuted) to 64.

    Raises:
        SettingsError: the numbers contradict each other, or the confidence is not in (0, 1).
    """
    check_counts(correct, guesses, canaries)
    check_confidence(confidence)
    low, high = 0.0, _LARGEST_MU
    for _ in range(_REFINEMENTS):
        grid = np.linspace(low, high, _GRID)
        refuted = int(refutes_gaussian(correct, guesses, canaries, grid, 1 - confidence).sum())
        if refuted == 0:
            return low
        low, high = float(grid[refuted - 1]), float(grid[min(refuted, _GRID - 1)])
    return low
