"""Membership inference against image generators: who was trained on, told from synthetic images or from a critic.

The attacks on synthetic images are those on synthetic tables (`attacks.py`), with images as
points in pixels; members are training images, non-members held-out ones of the same distribution. Images of one
patient among both would make the two more alike than patients are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.image_arrays import checked_images
from tff_health.privacy.attack_registry import NamedAttack
from tff_health.privacy.generator_attacks.inference import run_attacks_on_points
from tff_health.privacy.membership.auc import LEVEL
from tff_health.privacy.membership.evaluation import PERMUTATIONS, RESAMPLES, evaluate_attack
from tff_health.privacy.membership.result import AttackResult, MembershipResult

ATTACKS = ("nearest", "calibrated-nearest")
"""The first is the headline. Densities in hundreds of pixels, as `density-ratio` takes them, say nothing."""
_DISCRIMINATOR = NamedAttack("discriminator", "Discriminator's score (LOGAN)")
_ONE_HOSPITAL = "all"


def image_membership(
    members: npt.ArrayLike,
    non_members: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    member_hospitals: npt.ArrayLike | None = None,
    non_member_hospitals: npt.ArrayLike | None = None,
    attacks: Sequence[str] = ATTACKS,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> MembershipResult:
    """Attacks a generator through its images: `nearest` scores an image by minus its distance to the closest one.

    Args:
        members: training images, float32 [n, size, size, 1] in [-1, 1].
        non_members: held-out images of the same distribution, ten or more.
        synthetic: the generator's, two or more.
        rng: source of folds, resamples and permutations.
        member_hospitals: each member's hospital, [members]; None for one hospital. Members are compared with
            non-members of their own hospital.
        non_member_hospitals: each non-member's; both are given or none.
        attacks: names; see `generator_attacks.attacks.generator_attack_names`.
        resamples: bootstrap resamples, of the rates; the AUC's interval is analytic (`privacy/membership/auc.py`).
        permutations: of membership.
        level: coverage of the intervals.

    Returns:
        By attack the AUC, the true-positive rate at 1 % and 10 % false positives and the advantage, with intervals.

    Raises:
        DataError: the images cannot be compared, or there are too few.
        UnknownNameError: there is no such attack.
        ValueError: hospitals are given for one kind only, or do not fit.
    """
    seen = checked_images(members, "members' images")
    unseen = checked_images(non_members, "non-members' images", seen)
    made = checked_images(synthetic, "synthetic images", seen)
    hospitals = _hospitals((member_hospitals, non_member_hospitals), (len(seen), len(unseen)))
    return run_attacks_on_points(
        lambda _: _points,
        seen,
        unseen,
        made,
        member_hospitals=hospitals[0],
        non_member_hospitals=hospitals[1],
        rng=rng,
        attacks=attacks,
        resamples=resamples,
        permutations=permutations,
        level=level,
    )


def discriminator_membership(
    member_scores: npt.ArrayLike,
    non_member_scores: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    member_hospitals: npt.ArrayLike | None = None,
    non_member_hospitals: npt.ArrayLike | None = None,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> AttackResult:
    """The attack of someone who has the discriminator: it finds its training images more real than others.

    After Hayes et al. 2019, LOGAN (arXiv 1705.07663), the white-box attack.

    Args:
        member_scores: the discriminator's numbers for training images, [members], higher for more real.
        non_member_scores: the same for held-out images, [non-members].
        rng: source of resamples, permutations and halves.
        member_hospitals: as in `image_membership`, but a hospital with one kind only is an error.
        non_member_hospitals: likewise.
        resamples: bootstrap resamples.
        permutations: of membership.
        level: coverage of the intervals.

    Raises:
        DataError: a kind has no score, or a score is not a finite number.
        ValueError: hospitals are given for one kind only, or do not fit.
    """
    scores = []
    for given, kind in ((member_scores, "members"), (non_member_scores, "non-members")):
        checked = np.asarray(given, np.float64)
        if checked.ndim != 1 or len(checked) == 0:
            raise DataError(f"The scores of {kind} have shape {checked.shape}: give one a person, one at least.")
        if not np.isfinite(checked).all():
            raise DataError(f"A score of the {kind} is not a finite number: the discriminator has diverged.")
        scores.append(checked)
    hospitals = _hospitals((member_hospitals, non_member_hospitals), (len(scores[0]), len(scores[1])))
    return evaluate_attack(
        _DISCRIMINATOR,
        np.concatenate(scores),
        np.arange(len(scores[0]) + len(scores[1])) < len(scores[0]),
        np.concatenate(hospitals),
        rng=rng,
        resamples=resamples,
        permutations=permutations,
        level=level,
    )


def _points(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)


def _hospitals(given: Sequence[npt.ArrayLike | None], sizes: Sequence[int]) -> list[np.ndarray]:
    if (given[0] is None) != (given[1] is None):
        raise ValueError("hospitals are needed for members and non-members alike, or for neither")
    found = []
    for names, size in zip(given, sizes, strict=True):
        own = np.full(size, _ONE_HOSPITAL) if names is None else np.asarray(names).astype(str)
        if own.shape != (size,):
            raise ValueError(f"{size} images need one hospital each, not an array of shape {own.shape}")
        found.append(own)
    return found
