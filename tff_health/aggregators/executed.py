"""Holds what an aggregator did against what is accounted.

All functions take the aggregator's part of a state: `LearningProcess.next(...).state.aggregator`, or
`AggregationProcess.next(...).state` of a process that `HospitalLevelDp.build_factory()` made.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from data.errors import TffHealthError
from tff_health.aggregators.distributed_noise import ScaledNoise
from tff_health.aggregators.hospital_dp import DISCRETE, HospitalLevelDp
from tff_health.aggregators.rdp_curve import RdpCurve
from tff_health.aggregators.tree_noise import effective_noise_multiplier

if TYPE_CHECKING:
    import dp_accounting

_TOLERANCE = 1e-5  # relative; the state is float32


class ExecutedMismatchError(TffHealthError):
    """What ran is not what is accounted: the reported epsilon would be wrong."""


def executed_numbers(dp: HospitalLevelDp, aggregator_state: Any) -> dict[str, float]:
    """The numbers that decide about privacy, read from the state.

    Args:
        dp: tells which mechanism's state it is.
        aggregator_state: see the module.

    Returns:
        `rounds`, `fewest_hospitals`, `most_hospitals`, and those of `divisor`, `clip`, `value_noise_multiplier`,
        `noise_to_clip`, `count_noise_multiplier`, `tree_rounds`, `scale`, `l2` and `local_stddev` that the mechanism
        has.
    """
    numbers: dict[str, float] = {
        key: int(aggregator_state[key]) for key in ("rounds", "fewest_hospitals", "most_hospitals")
    }
    inner = aggregator_state["inner"]
    if dp.mechanism in DISCRETE:
        rounded = inner[0]  # beside the rotation's seed
        query = rounded["inner_agg_process"].query_state
        numbers |= {"clip": float(rounded["prior_norm_bound"]), "scale": float(rounded["scale_factor"])}
        return numbers | {"l2": float(query.l2_norm_bound), "local_stddev": float(query.local_stddev)}
    normalised = inner.query_state
    query = normalised.numerator_state
    numbers["divisor"] = float(normalised.denominator)
    if dp.mechanism == "gaussian":
        clip = float(query.l2_norm_clip)
        return numbers | {"clip": clip, "value_noise_multiplier": float(query.stddev) / clip}
    if dp.mechanism == "gaussian-adaptive":
        count = query.quantile_estimator_state.below_estimate_state
        count_sum = count.numerator_state
        current = query.sum_state
        # The clip of the next round is in the state; multipliers are the same for every clip.
        return numbers | {
            "value_noise_multiplier": float(query.noise_multiplier),
            "noise_to_clip": float(current.stddev) / max(float(current.l2_norm_clip), 1e-30),
            "count_noise_multiplier": float(count_sum.stddev) / float(count_sum.l2_norm_clip),
        }
    clip = float(query.clip_value)
    tree = query.tree_state
    return numbers | {
        "clip": clip,
        "value_noise_multiplier": float(tree.value_generator_state.stddev) / clip,
        # The buffer holds the nodes of the next round's prefix.
        "tree_rounds": sum(2 ** int(level) for level in tree.level_buffer_idx) - 1,
    }


def accounted_numbers(dp: HospitalLevelDp, rounds: int, dimension: int | None = None) -> dict[str, float]:
    """What `executed_numbers` must give after `rounds` rounds.

    Args:
        dp: mechanism and numbers.
        rounds: that ran.
        dimension: parameters of the model, for a discrete mechanism without the field.
    """
    numbers: dict[str, float] = {"rounds": rounds, "fewest_hospitals": dp.hospitals, "most_hospitals": dp.hospitals}
    if dp.mechanism in DISCRETE:
        noise = dp.distributed_noise(dimension)
        numbers |= {"clip": dp.clip, "scale": noise.scale}
        return numbers | {"l2": noise.scaled.l2, "local_stddev": noise.scaled.local_stddev}
    numbers |= {"divisor": dp.hospitals, "value_noise_multiplier": dp.value_noise_multiplier}
    if dp.mechanism == "gaussian-adaptive":
        return numbers | {
            "noise_to_clip": dp.value_noise_multiplier,
            "count_noise_multiplier": 2 * dp.count_stddev,
        }
    numbers["clip"] = dp.clip
    return numbers | {"tree_rounds": rounds} if dp.mechanism == "tree" else numbers


def check_executed(dp: HospitalLevelDp, aggregator_state: Any, rounds: int, dimension: int | None = None) -> None:
    """Raises unless the state is that of exactly `rounds` rounds of `dp` with all hospitals in each.

    Args:
        dp: what is accounted.
        aggregator_state: see the module.
        rounds: that the ledger holds.
        dimension: see `accounted_numbers`.

    Raises:
        ExecutedMismatchError: naming the number that differs.
    """
    executed = executed_numbers(dp, aggregator_state)
    for name, accounted in accounted_numbers(dp, rounds, dimension).items():
        if not math.isclose(executed[name], accounted, rel_tol=_TOLERANCE):
            raise ExecutedMismatchError(
                f"hospital-level {dp.mechanism}: {name} was {executed[name]:g} in the rounds that ran, but "
                f"{accounted:g} is accounted; the epsilon would be wrong, so none is reported."
            )


def executed_release(dp: HospitalLevelDp, aggregator_state: Any) -> dp_accounting.DpEvent | RdpCurve:
    """The cost of what ran, from the state's numbers alone (`dp` only tells mechanism, hospitals and dimension).

    Raises:
        ExecutedMismatchError: no round ran.
        SettingsError: a discrete mechanism without `dimension`.
    """
    import dp_accounting

    numbers = executed_numbers(dp, aggregator_state)
    rounds = int(numbers["rounds"])
    if rounds < 1:
        raise ExecutedMismatchError(f"hospital-level {dp.mechanism}: no round ran, so there is nothing to account.")
    if dp.mechanism in DISCRETE:
        scaled = dp.distributed_noise().scaled
        share_count = int(numbers["fewest_hospitals"])
        noise = ScaledNoise(scaled.noise, numbers["l2"], numbers["local_stddev"], share_count, scaled.dimension)
        return noise.rdp().compose(rounds)
    value = dp_accounting.GaussianDpEvent(numbers["value_noise_multiplier"])
    if dp.mechanism == "gaussian":
        return dp_accounting.SelfComposedDpEvent(value, rounds)
    if dp.mechanism == "tree":
        multiplier = effective_noise_multiplier(numbers["value_noise_multiplier"], int(numbers["tree_rounds"]))
        return dp_accounting.GaussianDpEvent(multiplier)
    count = dp_accounting.GaussianDpEvent(numbers["count_noise_multiplier"])
    return dp_accounting.SelfComposedDpEvent(dp_accounting.ComposedDpEvent([value, count]), rounds)
