"""What a user's own aggregator says of its privacy: taken at its word, composed by the accountant, named as a claim."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from data.errors import SettingsError, TffHealthError, clip
from tff_health.aggregators.catalogue import CATALOGUE, resolve_aggregator
from tff_health.aggregators.guarantees import require_fixed_weights
from tff_health.privacy.accountant import Guarantee, epsilon
from tff_health.privacy.budget import check_delta
from tff_health.privacy.composition import is_free
from tff_health.privacy.statement import format_epsilon

DEFAULT_DELTA = 1e-5
_NOT_COVERED = (
    "Neither the noise nor the event was checked here, and nothing is claimed for what surrounds the aggregator: "
    "preprocessing, the choice of hyperparameters, counts, losses and scores were made without noise"
)


@dataclass(frozen=True)
class AggregatorClaim:
    """What an aggregator from a user's own module claims of one model's training.

    Attributes:
        aggregator: `module:function`.
        rounds: of the training.
        epsilon: for one hospital's updates in all rounds; None where the aggregator claims none.
        delta: likewise.
        accountant: that composed the event; empty where there is none.
        label: a few words: "none claimed", or the epsilon and whose claim it is.
        sentence: all of it in words.
    """

    aggregator: str
    rounds: int
    epsilon: float | None
    delta: float | None
    accountant: str
    label: str
    sentence: str


@functools.lru_cache(maxsize=256)
def aggregator_claim(aggregator: str, rounds: int) -> AggregatorClaim | None:
    """The claim of a user's aggregator; None for those of the catalogue, which claim through `privacy` settings.

    The factory claims by a method `dp_event(rounds)`: the `dp_accounting.DpEvent` of what that many rounds release
    about one hospital's updates, every hospital taking part in each. Its attribute `dp_delta` is the delta, 1e-5 where
    it has none.

    Args:
        aggregator: a name of the catalogue, or `module:function`.
        rounds: of one model's training.

    Raises:
        SettingsError: the method failed or returned something else, no delta, an event nobody accounts for, or a
            weighted factory that claims.
        UnknownNameError, WrongKindError: as in `resolve_aggregator`.
    """
    if aggregator in CATALOGUE:
        return None
    factory: Any = resolve_aggregator(aggregator)
    method = getattr(factory, "dp_event", None)
    if method is None:
        sentence = f"None claimed: the aggregator {aggregator} gives no DP event."
        return AggregatorClaim(aggregator, rounds, None, None, "", "none claimed", sentence)
    require_fixed_weights(factory)
    delta = _delta(aggregator, getattr(factory, "dp_delta", DEFAULT_DELTA))
    found = _composed(aggregator, method, rounds, delta)
    if found.epsilon == float("inf"):
        sentence = f"None claimed: the aggregator {aggregator} gives a DP event without noise."
        return AggregatorClaim(aggregator, rounds, None, None, "", "none claimed", sentence)
    said = f"epsilon {format_epsilon(found.epsilon)} per hospital, delta {delta:g}"
    return AggregatorClaim(
        aggregator,
        rounds,
        found.epsilon,
        delta,
        found.accountant,
        f"{said}, claimed by {aggregator}",
        f"The aggregator {aggregator} claims {said}, for the {rounds:,} round{'s' * (rounds != 1)} of one model: "
        f"its own DP event, composed by the {found.accountant} accountant, every hospital in every round, against "
        f"whoever sees the model but not the server. {_NOT_COVERED}.",
    )


def _delta(aggregator: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"aggregator {aggregator!r}: dp_delta must be a number, not {type(value).__name__}.")
    check_delta(value)
    return float(value)


def _composed(aggregator: str, method: Callable[[int], Any], rounds: int, delta: float) -> Guarantee:
    import dp_accounting

    try:
        event = method(rounds)
        if not isinstance(event, dp_accounting.DpEvent):
            raise SettingsError(
                f"aggregator {aggregator!r}: dp_event must return a dp_accounting.DpEvent, not {type(event).__name__}."
            )
        if is_free(event):
            raise SettingsError(
                f"aggregator {aggregator!r}: dp_event says that {rounds:,} rounds release nothing, and they do."
            )
        return epsilon(event, delta)
    except TffHealthError:
        raise
    except Exception as error:  # a user's method, or its event, may raise anything
        raise SettingsError(
            f"aggregator {aggregator!r}: dp_event failed with {type(error).__name__}: {clip(str(error), 200)}"
        ) from error
