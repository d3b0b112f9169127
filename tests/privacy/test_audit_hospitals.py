"""The hospital-level audit of TFF's aggregators: sound ones pass, broken ones are flagged."""

import numpy as np
import pytest
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.privacy.audit.broken_aggregators import clip_without_noise, noise_without_clip
from tff_health.privacy.audit.hospital_canaries import audit_aggregator, audit_aggregator_repeatedly
from tff_health.privacy.gaussian import gaussian_epsilon
from tff_health.runtime.context import execution_context

CLIP, ROUNDS, DELTA, CANARIES = 0.7, 3, 1e-10, 150
SURE = 1 - 1e-7  # a sound mechanism is flagged once in 10^7 audits


@pytest.fixture(scope="module", autouse=True)
def context():
    with execution_context() as installed:
        yield installed


def gaussian(noise_multiplier):
    return lambda hospitals: tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
        noise_multiplier, hospitals, CLIP
    )


def audited(factory_for, noise_multiplier, **settings):
    claimed = gaussian_epsilon(ROUNDS**0.5 / noise_multiplier, DELTA)
    defaults = {"clip": CLIP, "canaries": CANARIES, "rounds": ROUNDS, "delta": DELTA, "confidence": SURE}
    return audit_aggregator(factory_for, claimed_epsilon=claimed, **{**defaults, **settings})


@pytest.mark.parametrize("curve", ["any", "gaussian"])
def test_sound_aggregators_pass(curve):
    result = audited(gaussian(8.0), 8.0, curve=curve)
    assert not result.flagged, result.sentence()
    assert result.could_flag
    assert result.unit == "hospital"


def test_the_bound_comes_near_the_truth_where_noise_is_weak():
    result = audited(gaussian(1.0), 1.0, curve="gaussian", confidence=0.95)
    assert 1 < result.epsilon_lower < gaussian_epsilon(ROUNDS**0.5, DELTA)


@pytest.mark.parametrize(
    "broken",
    [lambda hospitals: clip_without_noise(hospitals, CLIP), lambda hospitals: noise_without_clip(hospitals, 8.0, CLIP)],
    ids=["clip without noise", "noise without clip"],
)
def test_broken_aggregators_are_flagged(broken):
    result = audited(broken, 8.0)
    assert result.flagged, result.sentence()


def test_less_noise_than_claimed_is_flagged():
    assert audited(gaussian(0.25), 10.0).flagged


def test_coins_decide_who_contributes():
    """Without noise, the aggregate itself tells the coins: the audit really sends what it counts."""
    rng = np.random.default_rng(6)
    result = audited(lambda hospitals: clip_without_noise(hospitals, CLIP), 6.0, rng=rng, guess_counts=[CANARIES])
    assert result.correct == CANARIES


def test_repeated_runs_of_the_very_factory():
    settings = {"hospitals": 3, "clip": CLIP, "rounds": 1, "runs": 60, "delta": DELTA, "claimed_epsilon": 1.0}
    broken = audit_aggregator_repeatedly(clip_without_noise(3, CLIP), **settings)
    assert broken.flagged
    assert broken.epsilon_lower == broken.ceiling
    sound = audit_aggregator_repeatedly(gaussian(20.0)(3), **{**settings, "confidence": SURE})
    assert not sound.flagged


def test_what_cannot_be_audited_is_refused():
    with pytest.raises(SettingsError, match="unweighted"):
        audit_aggregator(lambda _: tff.aggregators.MeanFactory(), clip=1.0, canaries=4, rounds=1, delta=0.0)
    for settings in ({"clip": 0.0}, {"rounds": 0}, {"canaries": 1}):
        with pytest.raises(SettingsError):
            audited(gaussian(1.0), 1.0, **settings)
    with pytest.raises(SettingsError, match="8 runs"):
        audit_aggregator_repeatedly(gaussian(1.0)(2), hospitals=2, clip=1.0, rounds=1, runs=4, delta=0.0)
