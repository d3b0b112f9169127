"""Distributed discrete Gaussian and Skellam noise over masks: the sum that is unmasked has the noise accounted for."""

from __future__ import annotations

import numpy as np
import pytest
from aggregation_example import check_independent, check_noise, rounds
from hospitals_apart import federation

from tff_health.aggregators.hospital_dp import HospitalLevelDp
from tff_health.hospitals.context import HospitalsContext, masked_numbers

NAMES = ("north", "south", "east", "west", "centre")
CLIP, SIZE = 0.8, 2**13  # a power of two: the rotation adds no padding to cut off
MECHANISMS = ("discrete-gaussian", "skellam")


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory):
    with federation(tmp_path_factory.mktemp("clinics"), NAMES) as (context, _):
        yield context


def claimed_stddev(dp: HospitalLevelDp) -> float:
    """Of the mean, per coordinate, as `dp.event()` is computed from it."""
    numbers = dp.distributed_noise(SIZE)
    return numbers.scaled.stddev / numbers.scale / len(NAMES)


@pytest.mark.parametrize("name", MECHANISMS)
def test_noise_of_the_mean_is_the_accounted_one(apart, name):
    """Flake rate: 7 checks of 1e-9 for each mechanism."""
    dp = HospitalLevelDp(name, CLIP, 1.5, len(NAMES), rounds=2)
    first, second = (done.result for done in rounds(dp.build_factory(), [np.zeros(SIZE)] * len(NAMES), 2))
    check_noise(first, claimed_stddev(dp))
    check_noise(second, claimed_stddev(dp))
    check_independent(first, second)


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_mean_is_the_clipped_updates(apart, name):
    """With negligible noise; 7 standard deviations in 64 coordinates: flake rate 1e-9."""
    rng = np.random.default_rng(4)
    updates = [rng.normal(size=64) for _ in NAMES]
    norms = (0.3, 0.1, 5.0, CLIP, 0.0)
    updates = [update * norm / np.linalg.norm(update) for update, norm in zip(updates, norms, strict=True)]
    clipped = [update * min(1.0, CLIP / max(norm, CLIP)) for update, norm in zip(updates, norms, strict=True)]
    dp = HospitalLevelDp(name, CLIP, 1e-4, len(NAMES), rounds=1)
    (done,) = rounds(dp.build_factory(), updates, 1)
    np.testing.assert_allclose(done.result, np.mean(clipped, axis=0), atol=7 * 1e-4 * CLIP / len(NAMES) + 1e-6)


def test_what_each_hospital_sends_is_hidden(apart: HospitalsContext, monkeypatch):
    """Of zeros a hospital's own share of the noise would show; masked it is uniform over the ring."""
    seen = []
    totals = apart._totals

    def spy(form, sent):
        seen.extend(pair for part in sent for pair in zip(masked_numbers(form, part), form.rings, strict=True))
        return totals(form, sent)

    monkeypatch.setattr(apart, "_totals", spy)
    dp = HospitalLevelDp("discrete-gaussian", CLIP, 1.5, len(NAMES), rounds=1)
    (done,) = rounds(dp.build_factory(), [np.zeros(SIZE)] * len(NAMES), 1)
    long = [(values.ravel().astype(np.float64), ring.modulus) for values, ring in seen if values.size >= SIZE]
    assert len(long) == len(NAMES)
    for vector, modulus in long:
        counts = np.bincount((vector * 16 / modulus).astype(np.int64), minlength=16)
        # Chi-squared with 15 degrees of freedom is above 78 once in 1e10.
        assert ((counts - vector.size / 16) ** 2 / (vector.size / 16)).sum() < 78
    assert np.abs(done.result).max() < 8 * claimed_stddev(dp)
