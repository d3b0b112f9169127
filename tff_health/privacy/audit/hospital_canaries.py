"""Hospital-level audit of an aggregator: what the released aggregates tell about one hospital's presence.

One run, many canaries, in a federation enlarged for the purpose: the factory under audit is built for m hospitals,
all of them canaries, and for updates of m numbers. Canary i sends, by one fair coin for all rounds, either an update
in coordinate i alone or zeros (zero-out adjacency: the number of hospitals is public). The attacker reads coordinate
i of every round's aggregate. Why the bound is valid: `one_run_bound.py` asks only that the coins are fair and
independent, and that the mechanism is DP towards each hospital given all others; noise that is correlated over
coordinates or rounds (discrete, rotated or tree noise) takes away strength, not truth. Splitting one hospital's
update into blocks as independent trials would *not* be valid, as the clip bounds the blocks together.

The audited object is the factory as built for m hospitals. The noise on the sum, relative to the clip, does not depend
on m for the Gaussian and tree mechanisms, so a finding carries over to the study's few hospitals. Where noise is a
function of the number of hospitals, `audit_aggregator_repeatedly` audits the very factory that the study uses, one
trial a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.privacy.audit.guessing import Curve, audit_scores, fair_coins
from tff_health.privacy.audit.repeated_runs_bound import audit_runs
from tff_health.privacy.audit.result import AuditResult

_EXCESS = 100.0  # canary's norm over the clip: a mechanism that clips is not moved by it, one that does not is caught


def audit_aggregator(
    factory_for: Callable[[int], tff.aggregators.UnweightedAggregationFactory],
    *,
    clip: float,
    canaries: int,
    rounds: int,
    delta: float,
    confidence: float = 0.95,
    canary_norm: float | None = None,
    rng: np.random.Generator | None = None,
    claimed_epsilon: float | None = None,
    curve: Curve = "any",
    guess_counts: Sequence[int] | None = None,
) -> AuditResult:
    """Bounds epsilon from one run of an aggregation process.

    A TFF execution context must be current; for secure factories one with the test backend.

    Args:
        factory_for: builds the unweighted factory for so many hospitals a round.
        clip: its L2 bound on a hospital's update.
        canaries: m hospitals, each with a coordinate of its own.
        rounds: aggregations, through the process' state.
        delta: of the guarantee.
        confidence: of the bound.
        canary_norm: L2 norm of a canary's update; 100 `clip` by default, so that missing clipping shows. Use `clip` for
            factories that zero or reject what is larger.
        rng: for tests; fresh entropy by default.
        claimed_epsilon: the accountant's upper bound for a hospital over all rounds.
        curve: as for `audit_scores`.
        guess_counts: the same.

    Returns:
        The audit's result, of unit "hospital".

    Raises:
        SettingsError: a setting makes no sense, or the factory is weighted.
    """
    norm = _norm(clip, rounds, canary_norm)
    included = fair_coins(canaries, rng)
    updates = [norm * one_hot for one_hot in np.eye(canaries, dtype=np.float32) * included[:, None]]
    return audit_scores(
        _released_sum(_process(factory_for(canaries), canaries), updates, rounds),
        included,
        delta=delta,
        confidence=confidence,
        curve=curve,
        guess_counts=guess_counts,
        claimed_epsilon=claimed_epsilon,
        unit="hospital",
    )


def audit_aggregator_repeatedly(
    factory: tff.aggregators.UnweightedAggregationFactory,
    *,
    hospitals: int,
    clip: float,
    rounds: int,
    runs: int,
    delta: float,
    confidence: float = 0.95,
    canary_norm: float | None = None,
    coordinates: int = 8,
    claimed_epsilon: float | None = None,
) -> AuditResult:
    """Bounds epsilon from many runs with one canary hospital each, all others sending zeros.

    Costs `runs * rounds` TFF calls. A TFF execution context must be current.

    Args:
        factory: the factory under audit, built for `hospitals`.
        hospitals: in every round.
        clip: its L2 bound on a hospital's update.
        rounds: aggregations a run, through the process' state.
        runs: independent runs, half of them with the canary; at least 8.
        delta: of the guarantee.
        confidence: of the bound.
        canary_norm: as for `audit_aggregator`.
        coordinates: length of an update; the canary uses the first.
        claimed_epsilon: the accountant's upper bound for a hospital over all rounds.

    Returns:
        The audit's result, of unit "hospital".

    Raises:
        SettingsError: a setting makes no sense, or the factory is weighted.
    """
    norm = _norm(clip, rounds, canary_norm)
    if runs < 8 or hospitals < 1:
        raise SettingsError(
            f"an audit by repeated runs needs 8 runs and a hospital at least, not {runs} and {hospitals}."
        )
    process = _process(factory, coordinates)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for run in range(runs):
        updates = [np.zeros(coordinates, np.float32) for _ in range(hospitals)]
        updates[0][0] = norm * (run % 2)
        scores[bool(run % 2)].append(float(_released_sum(process, updates, rounds)[0]))
    return audit_runs(scores[True], scores[False], delta=delta, confidence=confidence, claimed_epsilon=claimed_epsilon)


def _norm(clip: float, rounds: int, canary_norm: float | None) -> float:
    norm = _EXCESS * clip if canary_norm is None else canary_norm
    if not (clip > 0 and norm > 0 and rounds >= 1):
        raise SettingsError(
            f"an audit needs clip and canary_norm above 0 and a round; got {clip}, {norm} and {rounds}."
        )
    return norm


def _process(factory: Any, size: int) -> tff.templates.AggregationProcess:
    if not isinstance(factory, tff.aggregators.UnweightedAggregationFactory):
        raise SettingsError(
            f"the audited aggregator is {type(factory).__name__}; a hospital-level guarantee needs an unweighted one."
        )
    return factory.create(tff.types.TensorType(np.float32, [size]))


def _released_sum(process: tff.templates.AggregationProcess, updates: list[np.ndarray], rounds: int) -> np.ndarray:
    """Sum of the aggregates of all rounds, [size]: every round tells the same, so the sum tells most."""
    state, total = process.initialize(), np.zeros(updates[0].shape, np.float64)
    for _ in range(rounds):
        output = process.next(state, updates)
        state, total = output.state, total + np.asarray(output.result, np.float64)
    return total
