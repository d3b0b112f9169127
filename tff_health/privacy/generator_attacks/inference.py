"""Runs the attacks on one synthetic table, or on whatever else can be turned into points.

Who the reference is. A density ratio compares with other people, and the only people whom nobody trained on are the
held-out ones. So candidates, members and non-members alike, are divided into folds within hospitals, and the reference
of a fold is the held-out people of the others: nobody is his own reference, and members and non-members meet references
of the same size. An attack on a table that knows none of them is thus at .5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.schema import Schema
from tff_health.privacy.generator_attacks.attacks import (
    DEFAULT_ATTACKS,
    GeneratorView,
    find_generator_attack,
    generator_attack_scores,
)
from tff_health.privacy.generator_attacks.features import TableFeatures
from tff_health.privacy.membership.auc import LEVEL
from tff_health.privacy.membership.evaluation import PERMUTATIONS, RESAMPLES, evaluate_attack
from tff_health.privacy.membership.result import MembershipResult

FOLDS = 10
FEWEST = 10
"""Held-out people without a reference of their own that it takes."""


def run_generator_attacks(
    schema: Schema,
    members: np.ndarray,
    non_members: np.ndarray,
    synthetic: np.ndarray,
    *,
    member_hospitals: npt.ArrayLike,
    non_member_hospitals: npt.ArrayLike,
    rng: np.random.Generator,
    reference: np.ndarray | None = None,
    attacks: Sequence[str] = DEFAULT_ATTACKS,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> MembershipResult:
    """Attacks a generator through its synthetic rows.

    Members and non-members are compared within hospitals; hospitals that lack either are left out and named in a note.

    Args:
        schema: of all rows.
        members: rows the generator was fitted on, as `Schema.encode` gives them, float64 [rows, columns].
        non_members: held-out rows of the same hospitals, likewise.
        synthetic: the generator's rows, likewise; 2 or more.
        member_hospitals: each member's hospital, [members].
        non_member_hospitals: each non-member's, [non-members].
        rng: source of folds, resamples and permutations.
        reference: rows of other people whom the attacker knows, neither members nor non-members; default: non-members
            of other folds.
        attacks: names; see `attacks.generator_attack_names`. The first is the result's headline.
        resamples: bootstrap resamples.
        permutations: of membership within hospitals.
        level: coverage of the intervals.

    Raises:
        DataError: no hospital holds both kinds, or too few rows to attack with.
        UnknownNameError: there is no such attack.
        ValueError: the arrays do not fit together.
    """
    return run_attacks_on_points(
        partial(TableFeatures, schema),
        members,
        non_members,
        synthetic,
        member_hospitals=member_hospitals,
        non_member_hospitals=non_member_hospitals,
        rng=rng,
        reference=reference,
        attacks=attacks,
        resamples=resamples,
        permutations=permutations,
        level=level,
    )


def run_attacks_on_points(
    fit_points: Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]],
    members: np.ndarray,
    non_members: np.ndarray,
    synthetic: np.ndarray,
    *,
    member_hospitals: npt.ArrayLike,
    non_member_hospitals: npt.ArrayLike,
    rng: np.random.Generator,
    reference: np.ndarray | None = None,
    attacks: Sequence[str] = DEFAULT_ATTACKS,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> MembershipResult:
    """`run_generator_attacks` of anything that has distances; the other arguments and errors are the same.

    Args:
        fit_points: from what the attacker sees, [rows, ...], to the function that turns rows into points, float64
            [rows, entries].
        members: what the generator was fitted on, [rows, ...].
        non_members: held-out ones of the same hospitals, likewise.
        synthetic: the generator's, likewise; 2 or more.
        member_hospitals: each member's hospital.
        non_member_hospitals: each non-member's.
        rng: source of folds, resamples and permutations.
        reference: others whom the attacker knows; default: non-members of other folds.
        attacks: names.
        resamples: bootstrap resamples.
        permutations: of membership within hospitals.
        level: coverage of the intervals.
    """
    chosen = [find_generator_attack(name) for name in attacks]
    rows, is_member, hospitals, notes = _candidates(members, non_members, member_hospitals, non_member_hospitals)
    if len(synthetic) < 2:
        raise DataError(f"generator attacks: {len(synthetic)} synthetic rows are too few; sample some more.")
    if reference is None and (~is_member).sum() < FEWEST:
        raise DataError(
            f"generator attacks: {int((~is_member).sum())} held-out patients are too few; hold out {FEWEST} or more, "
            "or give a reference."
        )
    folds = _folds(is_member, hospitals, rng) if reference is None else np.zeros(len(rows), np.int64)
    scores = np.zeros((len(chosen), len(rows)))
    for fold in np.unique(folds):
        here = folds == fold
        others = rows[~is_member & ~here] if reference is None else reference
        points = fit_points(np.concatenate([synthetic, others]))
        view = GeneratorView(points(rows[here]), points(synthetic), points(others))
        for index, attack in enumerate(chosen):
            scores[index, here] = generator_attack_scores(attack, view)
    evaluate = partial(evaluate_attack, rng=rng, resamples=resamples, permutations=permutations, level=level)
    results = {
        attack.name: evaluate(attack, scores[index], is_member, hospitals) for index, attack in enumerate(chosen)
    }
    return MembershipResult(results, int(is_member.sum()), int((~is_member).sum()), 0, notes)


def _candidates(
    members: np.ndarray, non_members: np.ndarray, member_hospitals: npt.ArrayLike, non_member_hospitals: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Rows of hospitals that hold both kinds, which of them are members, their hospitals, and what was left out."""
    names = [np.asarray(hospitals).astype(str) for hospitals in (member_hospitals, non_member_hospitals)]
    for kind, rows, hospitals in zip(("members", "non-members"), (members, non_members), names, strict=True):
        if hospitals.shape != (len(rows),):
            raise ValueError(f"{len(rows)} {kind} need one hospital each, not an array of shape {hospitals.shape}")
    both = sorted(set(names[0]) & set(names[1]))
    if not both:
        raise DataError(
            "generator attacks: no hospital holds both patients fitted on and held-out patients, so there is no fair "
            "comparison; hold out some patients of each hospital."
        )
    left_out = sorted((set(names[0]) | set(names[1])) - set(both))
    notes = (f"Not scored, as they hold only members or only non-members: {', '.join(left_out)}.",) if left_out else ()
    kept = [np.isin(hospitals, both) for hospitals in names]
    rows = np.concatenate([members[kept[0]], non_members[kept[1]]])
    is_member = np.arange(len(rows)) < kept[0].sum()
    return rows, is_member, np.concatenate([names[0][kept[0]], names[1][kept[1]]]), notes


def _folds(is_member: np.ndarray, hospitals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row's fold, int64 [rows]: hospitals and kinds are spread evenly, and sizes differ by one of each kind."""
    folds = np.zeros(len(is_member), np.int64)
    for kind in (is_member, ~is_member):
        # One count through all hospitals, so that small ones do not all begin with the first fold.
        order = np.concatenate(
            [rng.permutation(np.flatnonzero(kind & (hospitals == name))) for name in np.unique(hospitals)]
        )
        folds[order] = np.arange(len(order)) % FOLDS
    return folds
