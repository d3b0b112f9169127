"""The noise that runs is the noise that is claimed; clipping holds against any update; the rest is a mean."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from aggregation_example import check_independent, check_noise, rounds

from tff_health.aggregators.hospital_dp import MECHANISMS, HospitalLevelDp

pytestmark = pytest.mark.usefixtures("tff_context")
HOSPITALS, CLIP, SIZE = 5, 0.8, 2**14  # a power of two: the rotation adds no padding to cut off


def mechanism(name, noise_multiplier, **more):
    if name == "gaussian-adaptive":
        more = {"clipped_count_stddev": 3.0, "clip_learning_rate": 0.0} | more
    return HospitalLevelDp(name, CLIP, noise_multiplier, HOSPITALS, rounds=2, **more)


def claimed_stddev(dp):
    """Of the mean, per coordinate."""
    if dp.secure:
        numbers = dp.distributed_noise(SIZE)
        return numbers.scaled.stddev / numbers.scale / HOSPITALS
    return dp.value_noise_multiplier * dp.clip / HOSPITALS


@pytest.mark.parametrize("name", [name for name in MECHANISMS if name != "tree"])
def test_noise_of_the_mean(name):
    """Flake rate: 9 checks of 1e-9 for each mechanism. Equal noise in two hospitals would double some variance."""
    dp = mechanism(name, 1.5)
    nothing = [np.zeros(SIZE)] * HOSPITALS
    tf.random.set_seed(1)
    first, second = (done.result for done in rounds(dp.build_factory(), nothing, 2))
    check_noise(first, claimed_stddev(dp))
    check_noise(second, claimed_stddev(dp))
    check_independent(first, second)
    # Neither the program's seed, the same for both, nor the process decides about noise.
    tf.random.set_seed(1)
    (third,) = (done.result for done in rounds(dp.build_factory(), nothing, 1))
    check_independent(first, third)
    if dp.secure:
        assert claimed_stddev(dp) >= 1.5 * CLIP / HOSPITALS * (1 - 1e-6)


@pytest.mark.parametrize("name", ["discrete-gaussian", "skellam"])
def test_noise_on_a_coarse_grid(name):
    """Shares of a few units' standard deviation, where rounding the sampler's parameter up shows.

    Flake rate: 3 checks of 1e-9; the kurtosis of such noise (below 1 / variance of the sum) is negligible."""
    dp = mechanism(name, 0.1, bits=8)
    share = dp.distributed_noise(SIZE).scaled.local_stddev
    assert 1 < share < 10
    (only,) = (done.result for done in rounds(dp.build_factory(), [np.zeros(SIZE)] * HOSPITALS, 1))
    check_noise(only, claimed_stddev(dp))


def test_tree_noise_round_by_round():
    """Prefix sums after 1, 2, 3 rounds have variances 1, 2/3, 2/3 + 1 node (Honaker's weights).

    Flake rate: 10 checks of 1e-9."""
    dp = mechanism("tree", 1.5)
    node = claimed_stddev(dp)
    results = [done.result for done in rounds(dp.build_factory(), [np.zeros(SIZE)] * HOSPITALS, 3)]
    prefixes = np.cumsum(results, axis=0)
    for prefix, variance in zip(prefixes, (1.0, 2 / 3, 5 / 3), strict=True):
        check_noise(prefix, node * variance**0.5)
    check_independent(prefixes[2] - prefixes[1], prefixes[1])
    (again,) = (done.result for done in rounds(dp.build_factory(), [np.zeros(SIZE)] * HOSPITALS, 1))
    check_independent(results[0], again)


def test_one_tree_process_draws_new_noise_for_every_run():
    """Flake rate: 1e-9."""
    process = mechanism("tree", 1.5).build_factory().create(tff.TensorType(np.float32, [SIZE]))
    nothing = [np.zeros(SIZE, np.float32)] * HOSPITALS
    first, second = (np.asarray(process.next(process.initialize(), nothing).result) for _ in range(2))
    check_independent(first, second)


@pytest.mark.parametrize("name", MECHANISMS)
def test_exact_mean_of_clipped_updates(name):
    """With negligible noise; 7 standard deviations in 100 coordinates: flake rate 1e-9."""
    rng = np.random.default_rng(4)
    updates = [rng.normal(size=100) for _ in range(HOSPITALS)]
    norms = (0.3, 0.1, 5.0, CLIP, 0.0)
    updates = [update * norm / np.linalg.norm(update) for update, norm in zip(updates, norms, strict=True)]
    expected = np.mean(
        [update * min(1.0, CLIP / max(norm, CLIP)) for update, norm in zip(updates, norms, strict=True)], axis=0
    )
    dp = mechanism(name, 1e-4)
    (done,) = rounds(dp.build_factory(), updates, 1)
    np.testing.assert_allclose(done.result, expected, atol=7 * 1e-4 * CLIP / HOSPITALS + 1e-6)


@pytest.mark.parametrize("name", MECHANISMS)
def test_no_update_moves_the_mean_beyond_its_bound(name):
    """Adversarial updates: 7 standard deviations of noise in 128 coordinates: flake rate 1e-9."""
    size, dp = 128, mechanism(name, 1e-4)
    process = dp.build_factory().create(tff.TensorType(np.float32, [size]))
    honest = np.full(size, 0.02, np.float32)
    noise = 7 * 1e-4 * CLIP / HOSPITALS
    hostile = {
        "huge": np.full(size, 1e38, np.float32),
        "large": np.full(size, -1e15, np.float32),
        "spike": np.eye(1, size, dtype=np.float32)[0] * 1e6,
        "nan": np.where(np.arange(size) == 3, np.nan, 1.0).astype(np.float32),
        "inf": np.where(np.arange(size) == 3, np.inf, 1.0).astype(np.float32),
        "zero": np.zeros(size, np.float32),
    }
    for kind, update in hostile.items():
        result = np.asarray(process.next(process.initialize(), [honest] * (HOSPITALS - 1) + [update]).result)
        assert np.isfinite(result).all(), kind
        moved = result - honest * (HOSPITALS - 1) / HOSPITALS
        limit = 0.0 if kind in ("huge", "nan", "inf", "zero") else CLIP / HOSPITALS
        assert np.linalg.norm(moved) <= limit * 1.0001 + noise * size**0.5, kind
        if limit:
            assert np.linalg.norm(moved) == pytest.approx(limit, rel=0.02), kind


def test_nothing_unaccounted_is_measured():
    """A count of clipped hospitals without noise would be a release of its own."""
    for name in MECHANISMS:
        (done,) = rounds(mechanism(name, 1.0).build_factory(), [np.ones(4)] * HOSPITALS, 1)
        shown = str(done.measurements)
        assert "count" not in shown, name
