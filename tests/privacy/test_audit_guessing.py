"""From scores to a result: guesses, abstentions, several guess counts, and the sentence."""

import numpy as np
import pytest

from data.errors import SettingsError
from tff_health.privacy.audit.guessing import audit_scores, default_guess_counts, fair_coins
from tff_health.privacy.audit.one_run_bound import epsilon_lower_bound
from tff_health.privacy.audit.result import AuditError, AuditResult
from tff_health.privacy.gaussian import gaussian_epsilon

DELTA = 1e-5


def test_only_the_clearest_scores_are_guessed_on():
    scores = np.array([5.0, 0.1, -0.2, -6.0, 4.0, -5.0])
    included = np.array([True, False, True, False, False, False])
    result = audit_scores(scores, included, delta=0.0, threshold=0.0, guess_counts=[3])
    assert (result.correct, result.guesses, result.canaries) == (3, 3, 6)  # 5, -6 and -5
    result = audit_scores(scores, included, delta=0.0, threshold=0.0, guess_counts=[4])
    assert result.correct == 3  # 4.0 is guessed "in" and is out


def test_the_default_threshold_separates_two_values_however_many_are_in():
    for share in (0.1, 0.5, 0.9):
        included = np.arange(100) < 100 * share
        assert audit_scores(7.0 * included, included, delta=0.0, guess_counts=[100]).correct == 100


def test_several_guess_counts_pay_for_the_choice():
    rng = np.random.default_rng(0)
    included = rng.random(200) < 0.5
    scores = 3 * included + rng.normal(size=200)
    chosen = audit_scores(scores, included, delta=DELTA, confidence=0.95)
    alone = audit_scores(scores, included, delta=DELTA, confidence=0.95, guess_counts=[chosen.guesses])
    assert alone.correct == chosen.correct
    assert alone.epsilon_lower > chosen.epsilon_lower
    assert chosen.epsilon_lower == epsilon_lower_bound(chosen.correct, chosen.guesses, 200, DELTA, 1 - 0.05 / 4)
    assert chosen.epsilon_lower <= chosen.ceiling


@pytest.mark.parametrize("curve", ["any", "gaussian"])
@pytest.mark.parametrize("mu", [0.0, 0.5, 1.0, 3.0])
def test_gaussian_mechanism_of_known_mu(curve, mu):
    """The bound stays under the true epsilon with the stated confidence, over the whole path from scores."""
    rng = np.random.default_rng(11)
    truth = gaussian_epsilon(mu, DELTA) if mu else 0.0
    bounds = []
    for _ in range(100):
        included = fair_coins(200, rng)
        bounds.append(
            audit_scores(mu * included + rng.normal(size=200), included, delta=DELTA, curve=curve).epsilon_lower
        )
    assert np.mean(np.array(bounds) <= truth) >= 0.95
    if mu >= 1:
        assert np.median(bounds) > (0.8 if mu == 1 else 2.5)


def test_the_gaussian_curve_shows_more():
    rng = np.random.default_rng(2)
    included = fair_coins(500, rng)
    scores = 2 * included + rng.normal(size=500)
    any_curve = audit_scores(scores, included, delta=DELTA)
    gaussian = audit_scores(scores, included, delta=DELTA, curve="gaussian")
    assert any_curve.epsilon_lower + 1 < gaussian.epsilon_lower < gaussian_epsilon(2, DELTA)


def test_guess_counts_by_default():
    assert default_guess_counts(200) == (25, 50, 100, 200)
    assert default_guess_counts(2) == (1, 2)


def test_coins_are_fair_and_fresh():
    # 4,000 fair coins lie within .42 and .58 but for once in 10^23; two draws agree once in 2^4000.
    first, second = fair_coins(4000), fair_coins(4000)
    assert 0.42 < first.mean() < 0.58
    assert (first != second).any()
    with pytest.raises(SettingsError, match="at least 2"):
        fair_coins(1)


def test_what_cannot_be_audited_is_refused():
    with pytest.raises(AuditError, match="diverged"):
        audit_scores([0.0, np.nan], [True, False], delta=0.0)
    with pytest.raises(AuditError, match="one score a canary"):
        audit_scores([0.0, 1.0, 2.0], [True, False], delta=0.0)
    for settings in ({"guess_counts": [3]}, {"guess_counts": []}, {"curve": "normal"}, {"confidence": 0}):
        with pytest.raises(SettingsError):
            audit_scores([0.0, 1.0], [True, False], **{"delta": 0.0, **settings})
    with pytest.raises(SettingsError, match="delta is 0"):
        audit_scores([0.0, 1.0], [True, False], delta=0.0, curve="gaussian")


def test_sentence_says_what_was_and_what_could_have_been_shown():
    result = AuditResult(0.4, 0.95, 1e-5, 200, 50, 40, 4.2, "one run")
    assert result.sentence() == (
        "An audit with 200 patient-level canaries shows epsilon >= 0.4 with 95 % confidence (delta 1e-05; 40 of 50 "
        "guesses right); it could have shown at most 4.2."
    )
    assert not result.flagged
    assert result.with_claim(1.0).sentence().endswith("the accountant's upper bound is 1.")
    assert not result.with_claim(1.0).flagged
    assert result.with_claim(0.39).flagged
    assert "FLAGGED" in result.with_claim(0.39).sentence()
    assert not result.with_claim(5.0).could_flag
    assert "says little" in result.with_claim(5.0).sentence()
