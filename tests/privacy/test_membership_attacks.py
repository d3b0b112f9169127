"""The attacks against scipy, against theory and against their own mathematics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from data.errors import SettingsError, UnknownNameError
from tff_health.privacy.membership.attacks import (
    attack_names,
    attack_scores,
    confidence_attack,
    find_attack,
    loss_attack,
    margin_attack,
    register_attack,
    unregister_attack,
)
from tff_health.privacy.membership.auc import auc
from tff_health.privacy.membership.lira import PER_EXAMPLE_FROM, lira, offline_lira, online_lira
from tff_health.privacy.membership.observations import checked_observations, scaled_confidence

PROBABILITIES = st.lists(st.floats(0.001, 0.999), min_size=2, max_size=30)


def observed(scores, labels, shadow_scores=None, masks=None):
    return checked_observations(scores, labels, ["a"] * len(labels), shadow_scores, masks)


def shadowed(rng, rows=30, shadows=10, spread=1.0):
    masks = np.zeros((shadows, rows), bool)
    for row in masks.T:
        row[rng.permutation(shadows)[: shadows // 2]] = True
    labels = rng.integers(0, 2, rows)
    target = expit(rng.normal(size=rows) * spread)
    return observed(target, labels, expit(rng.normal(size=(shadows, rows)) * spread + 0.5 * masks), masks)


def ranks_alike(one, other):
    """Whether no pair of rows is ordered in opposite ways."""
    return (np.sign(np.subtract.outer(one, one)) * np.sign(np.subtract.outer(other, other)) >= 0).all()


def test_threshold_attacks_by_hand():
    seen = observed([0.9, 0.2, 0.4, 1.0], [1, 0, 1, 0])
    np.testing.assert_allclose(loss_attack(seen), [np.log(0.9), np.log(0.8), np.log(0.4), np.log(1e-7)])
    np.testing.assert_allclose(confidence_attack(seen), [0.9, 0.8, 0.6, 1.0])
    np.testing.assert_allclose(margin_attack(seen), [0.8, 0.6, -0.2, -1.0])


def test_scaled_confidence_is_a_signed_logit_and_finite():
    scores = np.array([0.0, 1.0, 0.5, 0.731058578])
    found = scaled_confidence(scores, np.array([1, 1, 0, 0]))
    np.testing.assert_allclose(found, [-16.118, 16.118, 0.0, -1.0], atol=1e-3)


@given(PROBABILITIES, st.floats(0.2, 2.0))
def test_threshold_attacks_ignore_monotone_transformations(scores, temperature):
    """Sharper or flatter probabilities rank patients alike: logits times a positive number."""
    scores = np.array(scores)
    labels = np.arange(len(scores)) % 2
    sharpened = expit(temperature * (np.log(scores) - np.log1p(-scores)))
    for attack in (loss_attack, confidence_attack, margin_attack):
        plain, other = np.round([attack(observed(s, labels)) for s in (scores, sharpened)], 12)
        assert ranks_alike(plain, other)


@given(PROBABILITIES)
def test_margin_and_loss_rank_alike_and_confidence_ignores_labels(scores):
    labels = np.arange(len(scores)) % 2
    seen, flipped = observed(scores, labels), observed(scores, 1 - labels)
    assert ranks_alike(np.round(loss_attack(seen), 12), np.round(margin_attack(seen), 12))
    np.testing.assert_array_equal(confidence_attack(seen), confidence_attack(flipped))


@pytest.mark.parametrize("variance", ["global", "per-example"])
def test_lira_equals_scipy(variance):
    seen = shadowed(np.random.default_rng(0))
    phi, shadows = (scaled_confidence(s, seen.labels) for s in (seen.scores, seen.shadow_scores))
    rows = range(len(phi))
    inside = [shadows[seen.shadow_masks[:, i], i] for i in rows]
    outside = [shadows[~seen.shadow_masks[:, i], i] for i in rows]

    def spread(samples, row):
        if variance == "per-example":
            return samples[row].std(ddof=1)
        return np.sqrt(sum(((s - s.mean()) ** 2).sum() for s in samples) / sum(len(s) - 1 for s in samples))

    online = [
        norm.logpdf(phi[i], inside[i].mean(), spread(inside, i))
        - norm.logpdf(phi[i], outside[i].mean(), spread(outside, i))
        for i in rows
    ]
    np.testing.assert_allclose(online_lira(seen, variance), online)
    offline = [norm.cdf(phi[i], outside[i].mean(), spread(outside, i)) for i in rows]
    np.testing.assert_allclose(norm.cdf(offline_lira(seen, variance)), offline)


def test_lira_chooses_its_variance_and_variant():
    rng = np.random.default_rng(1)
    few, many = shadowed(rng, shadows=16), shadowed(rng, shadows=2 * PER_EXAMPLE_FROM)
    np.testing.assert_array_equal(lira(few), online_lira(few, "global"))
    np.testing.assert_array_equal(lira(many), online_lira(many, "per-example"))
    masks = few.shadow_masks.copy()
    masks[:, 3] = False  # nobody trained on row 3
    without = checked_observations(few.scores, few.labels, few.hospitals, few.shadow_scores, masks)
    np.testing.assert_array_equal(lira(without), offline_lira(without))
    with pytest.raises(ValueError, match="offline"):
        online_lira(without)
    with pytest.raises(ValueError, match="without each row"):
        offline_lira(checked_observations(few.scores, few.labels, few.hospitals, few.shadow_scores, masks | True))
    with pytest.raises(ValueError, match="needs shadow models"):
        lira(observed(few.scores, few.labels))


def gaussian_world(shift, *, rows=6000, shadows=64, seed=2):
    """Confidences N(mu_row + shift if a member, 1), mu_row far apart: the best AUC is Phi(shift / sqrt 2)."""
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=rows) * 2
    masks = np.zeros((shadows, rows), bool)
    for row in masks.T:
        row[rng.permutation(shadows)[: shadows // 2]] = True
    is_member = rng.permutation(rows) < rows // 2
    target = easy + shift * is_member + rng.normal(size=rows)
    trained = easy + shift * masks + rng.normal(size=masks.shape)
    seen = observed(expit(target), np.ones(rows, int), expit(trained), masks)
    return seen, is_member


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_lira_reaches_the_best_possible_auc_of_a_gaussian_shift(shift):
    # The AUC's standard deviation is .007 at most; 64 shadows cost up to .01 of the optimum. The seed is fixed.
    seen, is_member = gaussian_world(shift)
    best = norm.cdf(shift / np.sqrt(2))
    for attack in (online_lira, offline_lira):
        scores = attack(seen, "global")
        assert auc(scores[is_member], scores[~is_member]) == pytest.approx(best, abs=0.02)
    losses = loss_attack(seen)
    assert auc(losses[is_member], losses[~is_member]) < best - 0.06


def test_lira_finds_nothing_where_nothing_is():
    seen, is_member = gaussian_world(0.0)
    scores = online_lira(seen)
    assert auc(scores[is_member], scores[~is_member]) == pytest.approx(0.5, abs=0.025)


def test_users_add_attacks():
    @register_attack("sure", title="Sure", needs_shadows=False)
    def sure(observations):
        return np.abs(observations.scores - 0.5)

    try:
        seen = observed([0.9, 0.4], [1, 0])
        np.testing.assert_allclose(attack_scores(find_attack("sure"), seen), [0.4, 0.1])
    finally:
        unregister_attack("sure")
    assert "sure" not in attack_names()
    with pytest.raises(UnknownNameError, match="did you mean 'lira'"):
        find_attack("lyra")
    with pytest.raises(UnknownNameError):
        unregister_attack("lira")
    with pytest.raises(SettingsError, match="already"):
        register_attack("loss", title="", needs_shadows=False)
    with pytest.raises(SettingsError, match="lower-case"):
        register_attack("My attack", title="", needs_shadows=False)


def test_an_attack_that_misbehaves_is_named():
    register_attack("bad", title="Bad", needs_shadows=False)(lambda seen: seen.scores[:-1])
    try:
        with pytest.raises(SettingsError, match=r"'bad' must return one number for each of 2 rows"):
            attack_scores(find_attack("bad"), observed([0.9, 0.4], [1, 0]))
    finally:
        unregister_attack("bad")


def test_an_attack_that_fails_is_named_with_its_error():
    register_attack("bad", title="Bad", needs_shadows=False)(lambda seen: seen.nothing)
    try:
        with pytest.raises(SettingsError, match=r"'bad' failed with AttributeError: .*nothing"):
            attack_scores(find_attack("bad"), observed([0.9, 0.4], [1, 0]))
    finally:
        unregister_attack("bad")


@pytest.mark.parametrize(
    ("scores", "labels", "shadows", "masks", "message"),
    [
        ([0.1, 1.2], [0, 1], None, None, "probabilities"),
        ([0.1, np.nan], [0, 1], None, None, "probabilities"),
        ([0.1], [0, 1], None, None, "shape"),
        ([0.1, 0.2], [0, 2], None, None, "0 or 1"),
        ([0.1, 0.2], [0, 1], [[0.1, 0.2]], None, "together"),
        ([0.1, 0.2], [0, 1], [[0.1, 0.2]], [[0, 1]], "bool"),
        ([0.1, 0.2], [0, 1], [[0.1]], [[True, False]], "shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(scores, labels, shadows, masks, message):
    with pytest.raises(ValueError, match=message):
        observed(scores, labels, shadows, masks)
