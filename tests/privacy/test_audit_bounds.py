"""Lower bounds on epsilon: against the papers' formulas, and against mechanisms whose epsilon is known exactly."""

import math
from math import comb

import numpy as np
import pytest
from scipy import stats

from data.errors import SettingsError
from tff_health.privacy.audit.f_dp_bound import mu_lower_bound, refutes_gaussian
from tff_health.privacy.audit.one_run_bound import ceiling, epsilon_lower_bound, p_value
from tff_health.privacy.audit.repeated_runs_bound import audit_runs, epsilon_from_rates
from tff_health.privacy.audit.result import AuditError
from tff_health.privacy.gaussian import gaussian_epsilon


def theorem(correct, guesses, canaries, epsilon, delta):
    """Theorem 5.2 of arXiv 2305.08846 written out term by term, with the maximum over all i up to m."""
    q = math.exp(epsilon) / (1 + math.exp(epsilon))
    mass = [comb(guesses, w) * q**w * (1 - q) ** (guesses - w) for w in range(guesses + 1)]
    tail = sum(mass[correct:])
    slopes = [sum(mass[w] for w in range(max(correct - i, 0), correct)) / i for i in range(1, canaries + 1)]
    return min(1.0, tail + 2 * canaries * delta * max(slopes))


@pytest.mark.parametrize("counts", [(9, 10, 10), (14, 20, 40), (0, 5, 8), (5, 5, 30), (30, 40, 60)])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("delta", [0.0, 1e-5, 1e-3, 0.1])
def test_p_value_is_the_theorem(counts, epsilon, delta):
    assert p_value(*counts, epsilon, delta) == pytest.approx(theorem(*counts, epsilon, delta), rel=1e-9)


def test_ceiling_of_a_hundred_perfect_guesses():
    # q^100 = .05 by hand: q = .05^(1/100), epsilon = log(q / (1 - q)).
    q = 0.05 ** (1 / 100)
    assert ceiling(100, 0.0) == pytest.approx(math.log(q / (1 - q)), abs=2e-6)
    assert ceiling(100, 0.0) == pytest.approx(3.5, abs=0.01)
    assert ceiling(100, 1e-5) <= ceiling(100, 0.0) < ceiling(200, 0.0)
    assert ceiling(100, 0.0, 0.99) < ceiling(100, 0.0, 0.9)
    assert ceiling(100, 0.0, guesses=50) == ceiling(50, 0.0)


@pytest.mark.parametrize("delta", [0.0, 1e-5, 1e-3])
def test_more_right_guesses_show_more_and_a_larger_delta_less(delta):
    bounds = [epsilon_lower_bound(v, 60, 100, delta) for v in range(61)]
    assert bounds == sorted(bounds)
    assert bounds[0] == bounds[30] == 0
    assert bounds[60] > bounds[50] > 0
    assert epsilon_lower_bound(55, 60, 100, delta) >= epsilon_lower_bound(55, 60, 100, 2e-3)
    assert epsilon_lower_bound(55, 60, 100, delta, 0.9) > epsilon_lower_bound(55, 60, 100, delta, 0.99)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("delta", [0.0, 1e-3, 0.02])
def test_bound_holds_for_randomised_response(epsilon, delta):
    """Every canary answers truthfully with probability delta + (1 - delta) e^eps / (1 + e^eps): (epsilon, delta)-DP."""
    canaries = 120
    right = delta + (1 - delta) * math.exp(epsilon) / (1 + math.exp(epsilon))
    chance = stats.binom.pmf(np.arange(canaries + 1), canaries, right)
    misses = [epsilon_lower_bound(v, canaries, canaries, delta) > epsilon for v in range(canaries + 1)]
    assert chance @ misses <= 0.05
    if delta == 0:
        # The bound is tight for pure randomised response, so it also comes close from below.
        assert chance @ [epsilon_lower_bound(v, canaries, canaries, 0.0) for v in range(canaries + 1)] > epsilon - 1
        assert chance @ misses > 0.005


def test_simulated_randomised_response_with_abstention():
    rng = np.random.default_rng(3)
    epsilon, canaries, guesses, runs = 1.5, 200, 50, 2000
    truth = rng.random((runs, canaries)) < 0.5
    lies = rng.random((runs, canaries)) > 1 / (1 + math.exp(-epsilon))
    correct = ((truth ^ lies) == truth)[:, :guesses].sum(1)
    bounds = np.array([epsilon_lower_bound(int(v), guesses, canaries, 0.0) for v in correct])
    assert (bounds <= epsilon).mean() >= 0.95
    assert np.median(bounds) > 0.4


@pytest.mark.parametrize("mu", [0.25, 1.0, 2.0])
@pytest.mark.parametrize("canaries", [30, 300])
def test_gaussian_bound_holds_for_the_gaussian_mechanism(mu, canaries):
    """Guessing on every canary of the mu-Gaussian mechanism is right with probability Phi(mu / 2)."""
    chance = stats.binom.pmf(np.arange(canaries + 1), canaries, stats.norm.cdf(mu / 2))
    bounds = np.array([mu_lower_bound(v, canaries, canaries) for v in range(canaries + 1)])
    assert list(bounds) == sorted(bounds)
    assert chance[bounds > mu].sum() <= 0.05
    if canaries == 300:
        # Guessing on all canaries is not this bound's strength: it keeps about a third of mu.
        assert chance @ bounds > 0.3 * mu - 0.1


def test_gaussian_bound_holds_where_the_attacker_abstains():
    """Guessing only on the clearest quarter is where a wrong treatment of abstentions would show."""
    rng = np.random.default_rng(5)
    canaries, guesses, mu, runs = 100, 25, 1.0, 1500
    truth = rng.random((runs, canaries)) < 0.5
    scores = mu * (truth - 0.5) + rng.normal(size=truth.shape)
    clearest = np.argsort(-np.abs(scores), axis=1)[:, :guesses]
    correct = np.take_along_axis((scores > 0) == truth, clearest, axis=1).sum(1)
    bounds = np.array([mu_lower_bound(int(v), guesses, canaries) for v in correct])
    assert (bounds <= mu).mean() >= 0.95
    assert np.median(bounds) > 0.3


def published_test(correct, guesses, canaries, mu, significance):
    """The recursion in the terms of arXiv 2410.22235: r and h bound the right and the wrong guesses' share."""
    scale = significance * guesses / canaries
    right, wrong = scale * correct / guesses, scale * (guesses - correct) / guesses
    for i in reversed(range(correct)):
        needed = max(wrong, stats.norm.cdf(stats.norm.ppf(right) - mu))
        right += i / (guesses - i) * (needed - wrong)
        wrong = needed
    return right + wrong > guesses / canaries


@pytest.mark.parametrize("counts", [(18, 20, 50), (30, 40, 40), (9, 10, 300), (60, 80, 100)])
def test_gaussian_recursion_is_the_published_one(counts):
    grid = np.linspace(0, 4, 81)
    published = [bool(published_test(*counts, mu, 0.05)) for mu in grid]
    assert list(refutes_gaussian(*counts, grid, 0.05)) == published
    assert True in published
    assert False in published


def test_gaussian_recursion_by_hand():
    """One guess on one canary: refuted if Phi(Phi^-1(tau) - mu) + tau > 1, as both coins' worlds tell."""
    for tau, mu in ((0.3, 0.0), (0.6, 0.2), (0.6, 0.1), (0.95, 1.0), (0.95, 4.0)):
        by_hand = stats.norm.cdf(stats.norm.ppf(tau) - mu) + tau > 1
        assert refutes_gaussian(1, 1, 1, mu, tau) == by_hand


@pytest.mark.parametrize("counts", [(11, 10, 10), (5, 20, 10), (-1, 5, 5)])
def test_impossible_counts_are_refused(counts):
    for bound in (lambda: epsilon_lower_bound(*counts, 0.0), lambda: mu_lower_bound(*counts)):
        with pytest.raises(SettingsError, match="right among"):
            bound()


@pytest.mark.parametrize("settings", [{"delta": 1.0}, {"delta": -0.1}, {"delta": math.nan}, {"confidence": 1.0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(SettingsError, match=r"must"):
        epsilon_lower_bound(5, 10, 10, **{"delta": 0.0, **settings})


def test_rates_of_repeated_runs_by_hand():
    # No error in 100 + 100 runs: both error rates are at most 1 - .025^(1/100).
    rate = 1 - 0.025 ** (1 / 100)
    assert epsilon_from_rates(100, 100, 0, 100, 0.0) == pytest.approx(math.log((1 - rate) / rate))
    assert epsilon_from_rates(100, 100, 0, 100, 0.1) == pytest.approx(math.log((1 - rate - 0.1) / rate))
    assert epsilon_from_rates(50, 100, 50, 100, 0.0) == 0
    # An attacker who never errs on absent units shows as much as one who never errs on present ones.
    assert epsilon_from_rates(40, 100, 0, 100, 0.0) == pytest.approx(epsilon_from_rates(100, 100, 60, 100, 0.0))


def test_repeated_runs_cover_the_gaussian_mechanism():
    rng = np.random.default_rng(8)
    for delta in (1e-5, 0.3):  # far from what so many runs can refute, and near it
        runs = [audit_runs(1 + rng.normal(size=400), rng.normal(size=400), delta=delta) for _ in range(100)]
        bounds = np.array([result.epsilon_lower for result in runs])
        assert (bounds <= gaussian_epsilon(1.0, delta)).mean() >= 0.95
        if delta < 0.1:
            assert np.median(bounds) > 0.3
    certain = audit_runs(np.ones(40), np.zeros(40), delta=0.0, claimed_epsilon=1.0)
    assert certain.epsilon_lower == certain.ceiling > 1
    assert certain.flagged
    assert "40 runs that may hold one hospital" in certain.sentence()


def test_runs_that_cannot_be_audited_are_refused():
    for scores in ([1.0], [math.nan, 1.0, 2.0]):
        with pytest.raises(AuditError, match="two finite scores"):
            audit_runs(scores, [0.0, 0.0], delta=0.0)
    with pytest.raises(SettingsError, match="runs of both kinds"):
        epsilon_from_rates(0, 0, 1, 3, 0.0)
