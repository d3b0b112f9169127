"""Membership attacks on image generators: against scikit-learn's curves, a memoriser and a stranger."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score, roc_curve

from data.errors import DataError, UnknownNameError
from tff_health.privacy.generator_attacks.image_membership import ATTACKS, discriminator_membership, image_membership

FEW = {"resamples": 100, "permutations": 99}


def test_a_memoriser_is_found_and_a_stranger_is_not(draw) -> None:
    real = draw(360, 0).images
    members, non_members = real[:180], real[180:]
    noise = np.random.default_rng(0).normal(scale=0.05, size=members.shape)
    learnt = np.clip(members + noise, -1, 1).astype(np.float32)
    found = image_membership(members, non_members, learnt, rng=np.random.default_rng(1), **FEW)
    assert tuple(found.attacks) == ATTACKS
    assert found.headline.name == "nearest"
    assert (found.members, found.non_members) == (180, 180)
    for attack in found.attacks.values():
        assert attack.low > 0.9
        assert attack.tpr_at_1pct_fpr.value > 0.8
    fresh = draw(180, 2).images
    nothing = image_membership(members, non_members, fresh, rng=np.random.default_rng(1), **FEW)
    assert all(attack.includes_chance for attack in nothing.attacks.values())
    again = image_membership(members, non_members, fresh, rng=np.random.default_rng(1), **FEW)
    assert again.to_dict() == nothing.to_dict()


def test_equals_scikit_learn_s_curve(draw) -> None:
    real = draw(300, 0).images
    made = np.concatenate([np.clip(real[:40] + 0.02, -1, 1), draw(60, 1).images])
    result = image_membership(real[:150], real[150:], made, rng=np.random.default_rng(0), attacks=["nearest"], **FEW)
    scores = -cdist(real.reshape(300, -1).astype(float), made.reshape(100, -1).astype(float)).min(axis=1)
    truth = np.arange(300) < 150
    assert result.headline.auc == pytest.approx(roc_auc_score(truth, scores))
    false_rates, true_rates, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert result.headline.tpr_at_1pct_fpr.value == pytest.approx(true_rates[false_rates <= 0.01].max())
    assert result.headline.low < result.headline.auc < result.headline.high


def test_hospitals_are_compared_within(draw) -> None:
    real = draw(120, 0).images
    names = np.repeat(["north", "south"], 30)
    result = image_membership(
        real[:60],
        real[60:],
        draw(50, 1).images,
        rng=np.random.default_rng(0),
        member_hospitals=names,
        non_member_hospitals=names,
        **FEW,
    )
    assert set(result.headline.hospitals) == {"north", "south"}
    with pytest.raises(ValueError, match="members and non-members alike"):
        image_membership(real, real, real, rng=np.random.default_rng(0), member_hospitals=np.repeat("a", 120))


def test_a_discriminator_that_knows_its_images_tells() -> None:
    rng = np.random.default_rng(0)
    members, non_members = rng.normal(1, 1, 400), rng.normal(0, 1, 300)
    found = discriminator_membership(members, non_members, rng=np.random.default_rng(1), **FEW)
    truth, scores = np.arange(700) < 400, np.concatenate([members, non_members])
    assert found.auc == pytest.approx(roc_auc_score(truth, scores))
    false_rates, true_rates, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert found.tpr_at_1pct_fpr.value == pytest.approx(true_rates[false_rates <= 0.01].max())
    assert found.low < 0.76 < found.high  # Phi(1 / sqrt(2)) is .760
    strangers = rng.normal(size=400), rng.normal(size=300)
    same = discriminator_membership(*strangers, rng=np.random.default_rng(1), level=0.999, **FEW)
    assert same.includes_chance
    half = np.concatenate([np.repeat("north", 200), np.repeat("south", 200)])
    other = np.concatenate([np.repeat("north", 150), np.repeat("south", 150)])
    within = discriminator_membership(
        members, non_members, rng=np.random.default_rng(1), member_hospitals=half, non_member_hospitals=other, **FEW
    )
    assert set(within.hospitals) == {"north", "south"}


def test_what_cannot_be_attacked(draw) -> None:
    images, rng = draw(30, 0).images, np.random.default_rng(0)
    with pytest.raises(DataError, match="held-out patients are too few"):
        image_membership(images, images[:5], images, rng=rng)
    with pytest.raises(DataError, match="synthetic images are 64 pixels"):
        image_membership(images, images, draw(3, 0, size=64).images, rng=rng)
    with pytest.raises(UnknownNameError, match="did you mean 'nearest'"):
        image_membership(images, images, images, rng=rng, attacks=["neerest"])
    with pytest.raises(DataError, match="members is not a finite number"):
        discriminator_membership([0.1, np.nan], [0.2], rng=rng)
    with pytest.raises(DataError, match="scores of non-members"):
        discriminator_membership([0.1], [], rng=rng)
