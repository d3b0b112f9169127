"""Both ways between noise and epsilon, and how many steps a budget holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from data.errors import SettingsError
from tff_health.privacy.accountant import Accountant, Guarantee, coarse_epsilon
from tff_health.privacy.accountant import epsilon as epsilon_of
from tff_health.privacy.budget import Budget, check_delta, check_epsilon, check_noise
from tff_health.privacy.composition import Composition, Event, compose

# Noise multipliers that are searched: below, one release costs an epsilon of 5e5; above, nothing can be learnt.
LEAST_NOISE, MOST_NOISE = 1e-3, 1e7
# The noise found costs this much less than asked for, so that no sum of floats in another order can exceed the budget.
_SLACK = 1e-7
_RATIO = 1.001
# A step that fits so many times is free for all that a run can do.
MOST_STEPS = 10**7


def noise_for_epsilon(
    event_of_noise: Callable[[float], Event], epsilon: float, delta: float, accountant: Accountant = "pld"
) -> float:
    """The smallest noise multiplier that keeps to a budget, to 1e-3 relative and never below it.

    Args:
        event_of_noise: everything released with a given noise multiplier (all steps, and whatever else is to fit into
            the budget); more noise must not cost more.
        epsilon: target, above 0.
        delta: target, in (0, 1).
        accountant: as in `accountant.epsilon`.

    Returns:
        the noise multiplier, whose epsilon is at most the target.

    Raises:
        SettingsError: an impossible target; the sentence says what stands in its way.
    """
    check_epsilon(epsilon)
    check_delta(delta)
    if math.isinf(epsilon):
        raise SettingsError("privacy: an infinite epsilon needs no noise; give a finite one to calculate noise for.")

    def excess(noise: float) -> float:
        return _log_ratio(epsilon_of(event_of_noise(noise), delta, accountant).epsilon, epsilon * (1 - _SLACK))

    def rough_excess(noise: float) -> float:
        return _log_ratio(coarse_epsilon(event_of_noise(noise), delta, accountant), epsilon)

    if excess(MOST_NOISE) > 0:
        rest = epsilon_of(event_of_noise(MOST_NOISE), delta, accountant).epsilon
        raise SettingsError(
            f"privacy: no noise reaches epsilon {epsilon:g} at delta {delta:g}: what does not depend on it already "
            f"costs epsilon {rest:.3g}; raise epsilon or release less beside the training."
        )
    # A coarse grid finds the neighbourhood in a tenth of the time; the fine one then proves both ends of the bracket.
    low, high = _bracket(rough_excess, 1.0, 2.0)
    if low < LEAST_NOISE:
        return LEAST_NOISE if excess(LEAST_NOISE) <= 0 else _narrowed(excess, *_bracket(excess, LEAST_NOISE, 2.0))
    low, high = _narrowed_bracket(rough_excess, low, high, 1.02)
    return _narrowed(excess, *_bracket(excess, math.sqrt(low * high), 1.02))


def epsilon_for_noise(
    event_of_noise: Callable[[float], Event], noise_multiplier: float, delta: float, accountant: Accountant = "pld"
) -> Guarantee:
    """What a given noise multiplier costs: the way back from `noise_for_epsilon`.

    Raises:
        SettingsError: negative noise, or delta outside (0, 1).
    """
    check_noise(noise_multiplier, None)
    return epsilon_of(event_of_noise(noise_multiplier), delta, accountant)


def steps_for_budget(step: Event, budget: Budget, spent: Iterable[tuple[Event, int]] = ()) -> int:
    """How many times a step fits into a budget beside what is spent, at most `MOST_STEPS`."""
    return Allowance(compose([(step, 1)]), budget, compose(spent)).most()


class Allowance:
    """How often one step fits into a budget beside other releases; asks the accountant only when it must.

    A run asks before every step; the number of accountant calls grows with the logarithm of the answers only.

    Args:
        step: one step.
        budget: what may be spent in all.
        others: what else was released.
    """

    def __init__(self, step: Composition, budget: Budget, others: Composition) -> None:
        self._step, self._budget, self._others = step, budget, others
        self._fitting, self._failing = -1, math.inf
        if math.isinf(budget.epsilon):
            self._fitting = MOST_STEPS

    def fits(self, times: int) -> bool:
        """Whether so many steps fit."""
        times = min(times, MOST_STEPS)
        while self._fitting < times < self._failing:
            probe = 2 * times if math.isinf(self._failing) else (times + int(self._failing)) // 2
            self._probe(min(max(probe, times), MOST_STEPS))
        return times <= self._fitting

    def most(self) -> int:
        """The largest number of steps that fits, 0 where not even one does, at most `MOST_STEPS`."""
        if not self.fits(1):
            return 0
        while self._fitting < MOST_STEPS and self.fits(self._fitting + 1):
            pass
        return self._fitting

    def cost(self, times: int) -> Guarantee:
        """What so many steps and the others cost together."""
        return epsilon_of(self._others + self._step * times, self._budget.delta, self._budget.accountant)

    def _probe(self, times: int) -> None:
        if self.cost(times).epsilon <= self._budget.epsilon:
            self._fitting = max(self._fitting, times)
        else:
            self._failing = min(self._failing, times)


def _log_ratio(epsilon: float, target: float) -> float:
    return math.log(epsilon / target) if epsilon > 0 else -math.inf


def _bracket(excess: Callable[[float], float], start: float, factor: float) -> tuple[float, float]:
    """Noise that is too little and noise that is enough, at most `factor` apart at first, doubling where it is far."""
    low, high = start, start
    if excess(start) > 0:
        while excess(high) > 0:
            if high > MOST_NOISE:
                raise SettingsError("privacy: no noise multiplier reaches this epsilon.")
            low, high, factor = high, high * factor, factor**1.5
        return low, high
    while low >= LEAST_NOISE and excess(low) <= 0:
        low, high, factor = low / factor, low, factor**1.5
    return low, high


def _narrowed_bracket(excess: Callable[[float], float], low: float, high: float, ratio: float) -> tuple[float, float]:
    while high / low > ratio:
        middle = math.sqrt(low * high)
        if excess(middle) > 0:
            low = middle
        else:
            high = middle
    return low, high


def _narrowed(excess: Callable[[float], float], low: float, high: float) -> float:
    """The private end of a bracket narrowed to `_RATIO`; interpolates in log-log, where epsilon is nearly a line."""
    above, below = excess(low), excess(high)
    while high / low > _RATIO:
        share = above / (above - below) if math.isfinite(above) and math.isfinite(below) else 0.5
        guess = low * (high / low) ** min(max(share, 0.05), 0.95)
        # A little to the private side of the guess and a little to the other: both ends close in.
        for point in (guess * 1.0004, guess / 1.0004):
            if low < point < high:
                value = excess(point)
                if value > 0:
                    low, above = point, value
                else:
                    high, below = point, value
    return high
