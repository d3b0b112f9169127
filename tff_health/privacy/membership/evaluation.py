"""Scores an attack: how well its numbers tell members from non-members, with intervals.

The interval of the AUC is analytic (`auc.py`). The others are percentile bootstrap intervals over patients: members
and non-members are drawn with replacement apart from each other, within each hospital. What an attack without
knowledge would get is found by exchanging members and non-members within hospitals.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tff_health.privacy.attack_registry import NamedAttack
from tff_health.privacy.membership.auc import LEVEL, auc, auc_interval, stratified_auc
from tff_health.privacy.membership.result import AttackResult, Estimate, HospitalAttack, TprAtFpr
from tff_health.privacy.membership.roc import (
    ROUNDING,
    RocCurves,
    advantage,
    balanced_halves,
    matched_weights,
    tpr_at_fpr,
)

RESAMPLES = 1000
PERMUTATIONS = 999
FEWEST = 5
"""Members and non-members that a hospital needs for a figure of its own."""
LIMITS = (0.01, 0.1)
_DIVISIONS = 5
_CELLS = 2_000_000  # numbers in one block of resamples, to bound memory


def evaluate_attack(
    attack: NamedAttack,
    scores: np.ndarray,
    is_member: np.ndarray,
    hospitals: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> AttackResult:
    """Scores one attack; no threshold is tuned on the rows it is judged on.

    Args:
        attack: for its name.
        scores: the attack's numbers, float64 [rows], higher for likelier members.
        is_member: bool [rows].
        hospitals: each row's hospital, [rows]; each holds a member and a non-member.
        rng: source of resamples, permutations and halves.
        resamples: bootstrap resamples.
        permutations: of membership within hospitals.
        level: coverage of the intervals.

    Raises:
        ValueError: a hospital lacks members or non-members, or a number makes no sense.
    """
    if resamples < 1 or permutations < 1 or not 0 < level < 1:
        raise ValueError(f"resamples {resamples}, permutations {permutations} or level {level} make no sense")
    for hospital in np.unique(hospitals):
        if is_member[hospitals == hospital].all() or not is_member[hospitals == hospital].any():
            raise ValueError(f"hospital {hospital!r} needs members and non-members to be compared")
    value, sizes = stratified_auc(scores, is_member, hospitals)
    low, high = auc_interval(value, sizes, level)
    pooled = auc(scores[is_member], scores[~is_member])
    first, second, gained = _thresholded(scores, is_member, hospitals, rng, resamples, permutations, level)
    return AttackResult(
        name=attack.name,
        title=attack.title,
        auc=value,
        low=low,
        high=high,
        pooled_auc=Estimate(pooled, *auc_interval(pooled, [(int(is_member.sum()), int((~is_member).sum()))], level)),
        tpr_at_1pct_fpr=first,
        tpr_at_10pct_fpr=second,
        advantage=gained,
        hospitals={
            str(name): _one_hospital(scores, is_member, hospitals == name, level) for name in np.unique(hospitals)
        },
        level=level,
    )


def _thresholded(
    scores: np.ndarray,
    is_member: np.ndarray,
    hospitals: np.ndarray,
    rng: np.random.Generator,
    resamples: int,
    permutations: int,
    level: float,
) -> tuple[TprAtFpr, TprAtFpr, Estimate]:
    """What depends on thresholds: both rates and the advantage."""
    descending = np.argsort(-scores, kind="stable")
    is_member, hospitals = is_member[descending], hospitals[descending]
    curves = RocCurves(scores[descending])
    places = np.unique(hospitals, return_inverse=True)[1]
    halves = balanced_halves(2 * places + is_member, _DIVISIONS, rng)
    matched = matched_weights(is_member, hospitals)

    def rates(weights: np.ndarray, members: np.ndarray) -> list[np.ndarray]:
        true_rates, false_rates = curves.rates(weights * members), curves.rates(weights * ~members)
        return [tpr_at_fpr(true_rates, false_rates, limit) for limit in LIMITS]

    def gained(weights: np.ndarray) -> np.ndarray:
        return advantage(curves, weights, is_member, halves)

    observed = [found[0] for found in rates(matched[np.newaxis], is_member)]
    at_chance, resampled, advantages = [], [], []
    # A non-member's weight is its hospital's, whoever is taken for one.
    as_non_member = np.array([matched[(places == place) & ~is_member][0] for place in range(places.max() + 1)])[places]
    for members in _permutations(is_member, places, permutations, rng):
        at_chance.append(rates(np.where(members, 1.0, as_non_member), members))
    for drawn in _resamples(2 * places + is_member, resamples, rng):
        resampled.append(rates(drawn * matched, is_member))
        advantages.append(gained(drawn * matched))
    ends = [(1 - level) / 2, (1 + level) / 2]
    non_members = int((~is_member).sum())
    found = []
    for k, limit in enumerate(LIMITS):
        chance = np.concatenate([block[k] for block in at_chance])
        low, high = np.quantile(np.concatenate([block[k] for block in resampled]), ends)
        as_good = int((chance >= observed[k] - ROUNDING).sum())
        found.append(
            TprAtFpr(
                limit=limit,
                value=float(observed[k]),
                low=float(low),
                high=float(high),
                chance=float(chance.mean()),
                p_value=(1 + as_good) / (1 + permutations),
                non_members=non_members,
                false_positives=int(limit * non_members + ROUNDING),
            )
        )
    low, high = np.quantile(np.concatenate(advantages), ends)
    return found[0], found[1], Estimate(float(gained(matched[np.newaxis])[0]), float(low), float(high))


def _one_hospital(scores: np.ndarray, is_member: np.ndarray, here: np.ndarray, level: float) -> HospitalAttack | None:
    members, non_members = scores[here & is_member], scores[here & ~is_member]
    if min(len(members), len(non_members)) < FEWEST:
        return None
    value = auc(members, non_members)
    interval = auc_interval(value, [(len(members), len(non_members))], level)
    return HospitalAttack(Estimate(value, *interval), len(members), len(non_members))


def _resamples(cells: np.ndarray, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Blocks of bootstrap weights, float64 [block, rows]; rows are drawn within their cells."""
    groups = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    for block in _blocks(resamples, len(cells)):
        weights = np.zeros((block, len(cells)))
        for rows in groups:
            drawn = rng.integers(len(rows), size=(block, len(rows))) + len(rows) * np.arange(block)[:, np.newaxis]
            weights[:, rows] = np.bincount(drawn.ravel(), minlength=block * len(rows)).reshape(block, len(rows))
        yield weights


def _permutations(
    is_member: np.ndarray, places: np.ndarray, permutations: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Blocks of memberships exchanged within hospitals, bool [block, rows]."""
    groups = [np.flatnonzero(places == place) for place in range(places.max() + 1)]
    for block in _blocks(permutations, len(is_member)):
        members = np.tile(is_member, (block, 1))
        for rows in groups:
            members[:, rows] = rng.permuted(members[:, rows], axis=1)
        yield members


def _blocks(total: int, rows: int) -> Iterator[int]:
    size = max(1, _CELLS // rows)
    for start in range(0, total, size):
        yield min(size, total - start)
