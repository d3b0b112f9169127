"""What was released in all: nested events flattened to counted elementary ones, which every accountant can read.

The neutral language between what runs and what accounts is a `dp_accounting.DpEvent`, or an `RdpCurve` where a
mechanism is known by its Rényi divergences only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from data.errors import SettingsError
from tff_health.aggregators.rdp_curve import RdpCurve

if TYPE_CHECKING:
    import dp_accounting

Event: TypeAlias = "dp_accounting.DpEvent | RdpCurve"
"""What a mechanism costs."""


@dataclass(frozen=True)
class Composition:
    """Elementary releases and how often each happened; equal compositions compare and hash equal.

    Attributes:
        parts: (event, times) with each event once: GaussianDpEvent, PoissonSampledDpEvent of one GaussianDpEvent,
            LaplaceDpEvent, SingleEpochTreeAggregationDpEvent (step counts as a tuple; it holds only where a unit
            contributes to one step of all its trees) or RdpCurve.
        unprotected: whether something was released without noise; then no epsilon is finite.
    """

    parts: tuple[tuple[Any, int], ...] = ()
    unprotected: bool = False

    @cached_property
    def mu(self) -> float:
        """Root of the sum of squared sensitivity-to-noise ratios of the plain Gaussians."""
        import dp_accounting

        gaussians = [(event, times) for event, times in self.parts if isinstance(event, dp_accounting.GaussianDpEvent)]
        return math.sqrt(math.fsum(times / event.noise_multiplier**2 for event, times in gaussians))

    @cached_property
    def others(self) -> tuple[tuple[Any, int], ...]:
        """The parts that are not plain Gaussians."""
        import dp_accounting

        return tuple(part for part in self.parts if not isinstance(part[0], dp_accounting.GaussianDpEvent))

    def __add__(self, other: Composition) -> Composition:
        """Everything of both, one after the other."""
        times = Counter(dict(self.parts))
        times.update(dict(other.parts))
        return Composition(_ordered(times), self.unprotected or other.unprotected)

    def __mul__(self, times: int) -> Composition:
        """Everything so many times."""
        if times == 0:
            return Composition()
        return Composition(tuple((event, count * times) for event, count in self.parts), self.unprotected)

    def without(self, other: Composition) -> tuple[Composition, int]:
        """What is left when all full occurrences of the other are taken out, and how many those were."""
        counts = dict(self.parts)
        contained = min((counts.get(event, 0) // count for event, count in other.parts), default=0)
        for event, count in other.parts:
            if event in counts:
                counts[event] -= contained * count
        return Composition(_ordered(counts), self.unprotected), contained


def compose(events: Iterable[tuple[Event, int]]) -> Composition:
    """Flattens events, each happening so many times, into one composition.

    Adjacency is zero-out: one unit's contribution is replaced by an empty one, everything public (row counts, number of
    hospitals) unchanged. dp-accounting's add-or-remove gives the same numbers for Gaussians and Poisson-sampled ones.

    Raises:
        SettingsError: an event of a kind that is not accounted for here.
    """
    times: Counter[Any] = Counter()
    unprotected = False
    for event, count in events:
        if count < 0:
            raise SettingsError(f"privacy: an event cannot happen {count} times.")
        for elementary, repeats in _flat(event, count):
            if elementary is None:
                unprotected = True
            else:
                times[elementary] += repeats
    return Composition(_ordered(times), unprotected)


def is_free(event: Event) -> bool:
    """Whether the event releases nothing at all."""
    return compose([(event, 1)]) == Composition()


def _ordered(times: Mapping[Any, int]) -> tuple[tuple[Any, int], ...]:
    # Sorted, so that sums of floats do not depend on the order in which events came.
    return tuple(sorted(((event, count) for event, count in times.items() if count), key=repr))


def _flat(event: Any, count: int) -> Iterator[tuple[Any, int]]:
    """Elementary events with counts; None stands for a release without noise."""
    import dp_accounting as dp

    if count == 0 or isinstance(event, dp.NoOpDpEvent):
        return
    if isinstance(event, dp.SelfComposedDpEvent):
        yield from _flat(event.event, count * event.count)
    elif isinstance(event, dp.ComposedDpEvent):
        for part in event.events:
            yield from _flat(part, count)
    elif isinstance(event, dp.NonPrivateDpEvent):
        yield None, count
    elif isinstance(event, dp.GaussianDpEvent | dp.LaplaceDpEvent):
        yield (event if event.noise_multiplier > 0 else None), count
    elif isinstance(event, dp.PoissonSampledDpEvent):
        yield from _sampled(event, count)
    elif isinstance(event, dp.SingleEpochTreeAggregationDpEvent):
        steps = event.step_counts if isinstance(event.step_counts, list | tuple) else [event.step_counts]
        tree = dp.SingleEpochTreeAggregationDpEvent(event.noise_multiplier, tuple(steps))
        yield (tree if event.noise_multiplier > 0 else None), count
    elif isinstance(event, RdpCurve):
        yield event, count
    else:
        raise SettingsError(
            f"privacy: an event of kind {type(event).__name__} is not accounted for; describe the mechanism by "
            "Gaussian, Laplace, Poisson-sampled, tree or composed events, or by an RdpCurve."
        )


def _sampled(event: Any, count: int) -> Iterator[tuple[Any, int]]:
    import dp_accounting as dp

    rate = event.sampling_probability
    if not 0 <= rate <= 1:
        raise SettingsError(f"privacy: a sampling probability must lie in [0, 1], not {rate:g}.")
    if rate == 0:
        return
    if rate == 1:
        yield from _flat(event.event, count)
        return
    inner = compose([(event.event, 1)])
    if inner.unprotected:
        yield None, count
    elif inner.others:
        raise SettingsError(
            "privacy: only Gaussian releases can be Poisson-sampled in the accounting; describe the mechanism by an "
            "RdpCurve."
        )
    elif inner.mu > 0:
        # Several Gaussians on one and the same sample are one Gaussian on it.
        gaussian = dp.GaussianDpEvent(_only_multiplier(inner))
        yield dp.PoissonSampledDpEvent(rate, gaussian), count


def _only_multiplier(composition: Composition) -> float:
    if len(composition.parts) == 1 and composition.parts[0][1] == 1:
        return float(composition.parts[0][0].noise_multiplier)  # exactly as given
    return 1 / composition.mu
