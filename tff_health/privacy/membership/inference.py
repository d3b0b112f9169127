"""Runs the membership attacks on one trained classifier, whatever trained it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from tff_health.privacy.membership.attacks import DEFAULT_ATTACKS, attack_scores, find_attack
from tff_health.privacy.membership.auc import LEVEL
from tff_health.privacy.membership.evaluation import PERMUTATIONS, RESAMPLES, evaluate_attack
from tff_health.privacy.membership.observations import Observations, checked_observations
from tff_health.privacy.membership.result import MembershipResult
from tff_health.privacy.membership.shadows import FEWEST_SHADOWS, shadow_memberships

TrainShadows: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From masks, bool [shadows, rows], to the shadows' probabilities of class 1 for every row, [shadows, rows]."""
SHADOWS = 16


def run_membership_inference(
    target_scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    hospitals: npt.ArrayLike,
    is_member: npt.ArrayLike,
    train_shadows: TrainShadows | None = None,
    *,
    shadows: int = SHADOWS,
    attacks: Sequence[str] = DEFAULT_ATTACKS,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> MembershipResult:
    """Attacks a classifier with the patients it was trained on and held-out patients of the same hospitals.

    Members and non-members must come from the same distribution, or the attack measures how they differ: so only
    hospitals that hold both are scored, and pairs are formed within them. Rows of other hospitals still train the
    shadows as they trained the model.

    Args:
        target_scores: the attacked model's probabilities of class 1, [rows]: the pool, members and non-members.
        labels: 0 or 1, [rows].
        hospitals: each row's hospital, [rows].
        is_member: whether the row trained the attacked model, bool [rows].
        train_shadows: trains shadow models on the rows of its masks, exactly as the attacked model was trained, and
            scores the whole pool; None leaves out the attacks that need shadows.
        shadows: how many.
        attacks: names; see `attacks.attack_names`.
        rng: source of the shadows' rows, resamples, permutations and halves.
        resamples: bootstrap resamples.
        permutations: of membership within hospitals.
        level: coverage of the intervals.

    Raises:
        DataError: no hospital holds members and non-members, or too few shadows gave usable scores.
        UnknownNameError: there is no such attack.
        SettingsError: fewer than 4 shadows.
        ValueError: the arrays do not fit together.
    """
    chosen = [find_attack(name) for name in attacks]
    pool = checked_observations(target_scores, labels, hospitals)
    member = np.asarray(is_member)
    if member.dtype != bool or member.shape != pool.labels.shape:
        raise ValueError(f"is_member must be bool [{len(pool.labels)}], not {member.dtype} {list(member.shape)}")
    scored = _comparable(pool.hospitals, member)
    notes = _left_out(pool.hospitals, scored)
    used = 0
    if train_shadows is not None and any(attack.needs_shadows for attack in chosen):
        pool, lost = _with_shadows(pool, member, scored, train_shadows, shadows, rng)
        used = shadows - lost
        if lost:
            notes.append(f"{lost} of {shadows} shadow models diverged and were left out.")
    seen, truth = pool.take(scored), member[scored]
    left_out = [attack.title for attack in chosen if attack.needs_shadows and not used]
    if left_out:
        notes.append(f"Without shadow models there is no figure for: {', '.join(left_out)}.")
    results = {}
    for attack in chosen:
        if used or not attack.needs_shadows:
            results[attack.name] = evaluate_attack(
                attack,
                attack_scores(attack, seen),
                truth,
                seen.hospitals,
                rng=rng,
                resamples=resamples,
                permutations=permutations,
                level=level,
            )
    if not results:
        raise ValueError("every attack asked for needs shadow models, and there are none")
    return MembershipResult(results, int(truth.sum()), int((~truth).sum()), used, tuple(notes))


def _comparable(hospitals: np.ndarray, is_member: np.ndarray) -> np.ndarray:
    """Positions of the rows of hospitals that hold members and non-members."""
    both = set(hospitals[is_member]) & set(hospitals[~is_member])
    if not both:
        raise DataError(
            "membership inference: no hospital holds both patients trained on and held-out patients, so there is no "
            "fair comparison; hold out some patients of each hospital."
        )
    return np.flatnonzero(np.isin(hospitals, sorted(both)))


def _left_out(hospitals: np.ndarray, scored: np.ndarray) -> list[str]:
    others = sorted(set(hospitals) - set(hospitals[scored]))
    if not others:
        return []
    return [f"Not scored, as they hold only members or only non-members: {', '.join(others)}."]


def _with_shadows(
    pool: Observations,
    is_member: np.ndarray,
    scored: np.ndarray,
    train_shadows: TrainShadows,
    shadows: int,
    rng: np.random.Generator,
) -> tuple[Observations, int]:
    """The pool with shadow models, and how many diverged."""
    names, sizes = np.unique(pool.hospitals[is_member], return_counts=True)
    train_sizes = {str(name): int(size) for name, size in zip(names, sizes, strict=True)}
    masks = shadow_memberships(pool.hospitals, shadows, train_sizes, rng)
    scores = np.asarray(train_shadows(masks.copy()), np.float64)
    if scores.shape != masks.shape:
        raise ValueError(f"shadow models must score all rows, {list(masks.shape)}, not {list(scores.shape)}")
    usable = np.isfinite(scores).all(axis=1)
    kept = masks[usable][:, scored]
    if usable.sum() < FEWEST_SHADOWS or kept.all(axis=0).any():
        raise DataError(
            f"membership inference: {int(usable.sum())} of {shadows} shadow models gave scores, and every row needs "
            "one that was trained without it; raise `shadows`."
        )
    observations = checked_observations(pool.scores, pool.labels, pool.hospitals, scores[usable], masks[usable])
    return observations, int((~usable).sum())
