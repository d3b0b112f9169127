"""Which rows shadows train on, and the whole attack on models whose leak is known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from data.errors import DataError, SettingsError, UnknownNameError
from tff_health.privacy.membership.inference import run_membership_inference
from tff_health.privacy.membership.shadows import shadow_memberships

FAST = {"resamples": 100, "permutations": 99}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=1, max_size=4),
    st.integers(4, 20),
    st.integers(0, 1000),
)
def test_shadows_have_the_models_sizes_and_rows_are_in_equally_many(parts, shadows, seed):
    hospitals = np.repeat([str(k) for k in range(len(parts))], [rows for rows, _ in parts])
    sizes = {str(k): round(share * rows) for k, (rows, share) in enumerate(parts)}
    masks = shadow_memberships(hospitals, shadows, sizes, np.random.default_rng(seed))
    assert masks.dtype == bool
    for name, size in sizes.items():
        inside = masks[:, hospitals == name]
        assert (inside.sum(axis=1) == size).all()
        right = shadows * size / inside.shape[1]
        counts = inside.sum(axis=0)
        assert counts.min() >= np.floor(right)
        assert counts.max() <= np.ceil(right)


def test_half_a_hospital_puts_every_row_in_half_of_the_shadows_at_random():
    hospitals = np.full(40, "a")
    masks = shadow_memberships(hospitals, 16, {"a": 20}, np.random.default_rng(0))
    assert (masks.sum(axis=0) == 8).all()
    # Fair draws: over many, two rows share a shadow as often as chance has it, 16 * .5 * 19 / 39, and two shadows share
    # 10 rows on average, not 0 or 20 as complements would. 300 draws put standard deviations at .1.
    together, shared = [], []
    for seed in range(300):
        drawn = shadow_memberships(hospitals, 16, {"a": 20}, np.random.default_rng(seed)).astype(int)
        together.append((drawn.T @ drawn)[0, 1])
        shared.append((drawn @ drawn.T)[0, 1])
    assert np.mean(together) == pytest.approx(16 * 0.5 * 19 / 39, abs=0.5)
    assert np.mean(shared) == pytest.approx((40 * 8 * 7) / (16 * 15), abs=0.5)
    assert len(set(shared)) > 5


def test_seeds_name_the_draw():
    hospitals = np.repeat(["a", "b"], 20)
    one, same, other = (
        shadow_memberships(hospitals, 8, {"a": 10, "b": 5}, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_impossible_shadows_are_refused():
    with pytest.raises(SettingsError, match="4 or more"):
        shadow_memberships(np.full(9, "a"), 3, {"a": 5}, np.random.default_rng(0))
    with pytest.raises(ValueError, match="cannot train on 10"):
        shadow_memberships(np.full(9, "a"), 4, {"a": 10}, np.random.default_rng(0))


class LeakyWorld:
    """Models that give their training rows a higher confidence, by a known amount."""

    def __init__(self, leak, sizes=((40, 20), (60, 30), (30, 15)), seed=0):
        self.rng = np.random.default_rng(seed)
        self.leak = leak
        self.hospitals = np.repeat([f"h{k}" for k in range(len(sizes))], [sum(pair) for pair in sizes])
        self.is_member = np.concatenate([np.arange(m + n) < m for m, n in sizes])
        self.labels = self.rng.integers(0, 2, len(self.hospitals))
        self.easy = self.rng.normal(size=len(self.hospitals)) * 2
        self.target = self.scores(self.is_member[np.newaxis])[0]
        self.masks = None

    def scores(self, masks):
        confidence = self.easy + self.leak * masks + 0.5 * self.rng.normal(size=masks.shape)
        return expit(confidence * np.where(self.labels == 1, 1, -1))

    def train_shadows(self, masks):
        self.masks = masks
        return self.scores(masks)

    def attack(self, train_shadows="own", **settings):
        return run_membership_inference(
            self.target,
            self.labels,
            self.hospitals,
            self.is_member,
            self.train_shadows if train_shadows == "own" else train_shadows,
            rng=np.random.default_rng(1),
            **{**FAST, **settings},
        )


def test_a_leak_is_found_by_lira_and_less_by_the_loss():
    world = LeakyWorld(1.0)
    found = world.attack()
    assert list(found.attacks) == ["loss", "confidence", "lira"]
    assert (found.members, found.non_members, found.shadows) == (130, 65, 16)
    assert found.headline.name == "lira"
    assert found.headline.low > 0.75
    assert found.attacks["loss"].auc < found.headline.auc - 0.1
    assert all(found.attacks["lira"].hospitals[name].auc.low > 0.5 for name in ("h0", "h1", "h2"))
    # Shadows are trained as the model was: on as many rows of each hospital.
    for name in ("h0", "h1", "h2"):
        here = world.hospitals == name
        assert (world.masks[:, here].sum(axis=1) == (here & world.is_member).sum()).all()
    assert found.notes == ()
    json.dumps(found.to_dict(), allow_nan=False)


def test_no_leak_is_no_finding():
    found = LeakyWorld(0.0).attack()
    assert all(attack.includes_chance for attack in found.attacks.values())
    assert "does not tell members" in found.headline.statement


def test_shadows_do_not_learn_who_was_a_member():
    """Masks are drawn alike for members and others: attackers know the pool, not the truth."""
    world = LeakyWorld(0.0)
    world.attack(shadows=64)
    in_share = world.masks.mean(axis=0)
    for name in ("h0", "h1", "h2"):
        here = world.hospitals == name
        assert in_share[here & world.is_member].mean() == pytest.approx(
            in_share[here & ~world.is_member].mean(), abs=0.02
        )


def test_same_generator_same_figures():
    assert LeakyWorld(1.0).attack() == LeakyWorld(1.0).attack()


def test_without_shadows_the_other_attacks_run():
    found = LeakyWorld(1.0).attack(train_shadows=None)
    assert list(found.attacks) == ["loss", "confidence"]
    assert found.headline.name == "loss"
    assert found.shadows == 0
    assert found.notes == ("Without shadow models there is no figure for: Likelihood ratio (LiRA).",)
    with pytest.raises(ValueError, match="there are none"):
        LeakyWorld(1.0).attack(train_shadows=None, attacks=("lira",))


def test_attacks_that_need_no_shadows_train_none():
    def fail(masks):
        raise AssertionError("trained shadows for nothing")

    assert list(LeakyWorld(1.0).attack(fail, attacks=("loss", "margin")).attacks) == ["loss", "margin"]


def test_hospitals_without_a_comparison_train_but_are_not_scored():
    world = LeakyWorld(1.0, sizes=((40, 20), (30, 0), (0, 25), (60, 30)))
    found = world.attack()
    assert (found.members, found.non_members) == (100, 50)
    assert set(found.headline.hospitals) == {"h0", "h3"}
    assert found.notes == ("Not scored, as they hold only members or only non-members: h1, h2.",)
    assert world.masks[:, world.hospitals == "h1"].all()
    assert not world.masks[:, world.hospitals == "h2"].any()


def test_diverged_shadows_are_left_out_and_counted():
    world = LeakyWorld(1.0)

    def some_diverge(masks):
        scores = world.scores(masks)
        scores[:2] = np.nan
        return scores

    found = world.attack(some_diverge)
    assert found.shadows == 14
    assert found.notes == ("2 of 16 shadow models diverged and were left out.",)
    with pytest.raises(DataError, match="0 of 16 shadow models"):
        world.attack(lambda masks: np.full(masks.shape, np.nan))


def test_what_cannot_be_attacked_is_refused_in_a_sentence():
    with pytest.raises(DataError, match="no hospital holds both"):
        LeakyWorld(1.0, sizes=((40, 0), (0, 20))).attack()
    with pytest.raises(UnknownNameError, match="did you mean 'lira'"):
        LeakyWorld(1.0).attack(attacks=("lirra",))
    with pytest.raises(SettingsError, match="4 or more"):
        LeakyWorld(1.0).attack(shadows=2)
    with pytest.raises(ValueError, match="score all rows"):
        LeakyWorld(1.0).attack(lambda masks: masks[:, :3].astype(float))
    world = LeakyWorld(1.0)
    with pytest.raises(ValueError, match="is_member must be bool"):
        run_membership_inference(
            world.target, world.labels, world.hospitals, world.labels, rng=np.random.default_rng(0), **FAST
        )


def test_few_shadows_of_a_model_trained_on_nearly_all_rows_are_refused():
    """With 4 shadows on 58 of 60 rows most rows are in every shadow: there is nothing to compare with."""
    with pytest.raises(DataError, match="raise `shadows`"):
        LeakyWorld(1.0, sizes=((58, 2),)).attack(shadows=4)
