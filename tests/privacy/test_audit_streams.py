"""Noise that hospitals share, repeat or forget is found; independent noise is not."""

import numpy as np
import pytest

from tff_health.privacy.audit.noise_streams import audit_noise_streams
from tff_health.privacy.audit.result import AuditError

ROUNDS, HOSPITALS, COORDINATES = 8, 5, 40


def independent(rng):
    return rng.normal(size=(ROUNDS, HOSPITALS, COORDINATES))


def test_p_values_of_independent_noise_are_honest():
    """A Bonferroni-corrected p-value below .1 comes at most once in ten times: 40 expected of 400, 6.6 sd allowed."""
    rng = np.random.default_rng(0)
    p_values = np.array([audit_noise_streams(independent(rng)[:2]).p_value for _ in range(400)])
    assert (p_values < 0.1).sum() <= 80
    assert (p_values < 0.1).sum() >= 10  # nor are they so cautious that they never speak


@pytest.mark.parametrize(
    ("spoil", "pair"),
    [
        (lambda u: u.__setitem__((3, 4), u[3, 1]), ((3, 1), (3, 4))),
        (lambda u: u.__setitem__((6, 2), 0.1 * u[1, 2]), ((1, 2), (6, 2))),
        (lambda u: u.__setitem__((6, 2), 1 - 3 * u[1, 0]), ((1, 0), (6, 2))),
        (lambda u: u.__setitem__((5, 0), u[5, 3] + 0.1 * u[5, 0]), ((5, 0), (5, 3))),
    ],
    ids=["between hospitals", "over rounds, scaled", "both, negated and shifted", "with some noise of its own"],
)
def test_one_dependent_pair_among_forty_streams_is_found(spoil, pair):
    updates = independent(np.random.default_rng(1))
    spoil(updates)
    result = audit_noise_streams(updates)
    assert result.flagged
    assert (result.first, result.second) == pair
    assert "FLAGGED" in result.sentence()


def test_absent_noise_is_found():
    updates = independent(np.random.default_rng(2))
    updates[4, 3] = 0.25
    result = audit_noise_streams(updates)
    assert result.flagged
    assert result.sentence() == "FLAGGED: hospital 4 added no noise in round 5."


def test_independent_noise_passes():
    result = audit_noise_streams(independent(np.random.default_rng(3)))
    assert not result.flagged
    assert result.p_value > 1e-3
    assert result.sentence().startswith("No noise is shared")


def test_p_value_of_a_given_correlation():
    # r = .632 at 10 coordinates is the .05 value of the correlation tables (8 degrees of freedom, two-sided).
    x = np.arange(10.0)
    x = (x - x.mean()) / np.linalg.norm(x - x.mean())
    y = np.cos(3 * np.arange(10.0))
    y -= y.mean()
    y -= (y @ x) * x
    y /= np.linalg.norm(y)
    updates = np.stack([x, 0.632 * x + np.sqrt(1 - 0.632**2) * y])[None]
    assert audit_noise_streams(updates).p_value == pytest.approx(0.05, abs=2e-4)


@pytest.mark.parametrize(
    "updates", [np.zeros((3, 4)), np.zeros((1, 1, 50)), np.zeros((2, 2, 7)), np.full((2, 2, 9), np.nan)]
)
def test_what_is_no_set_of_streams_is_refused(updates):
    with pytest.raises(AuditError):
        audit_noise_streams(updates)
