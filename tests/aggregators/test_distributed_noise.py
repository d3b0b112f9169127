"""The bounds of the papers against divergences summed up term by term, and their limits."""

import itertools
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from data.errors import SettingsError
from tff_health.aggregators.distributed_noise import DistributedNoise, ScaledNoise

ORDERS = (1.1, 1.5, 2.0, 2.5, 3.0, 4.0, 7.5, 8.0)


def sum_of_shares(noise: str, share: float, hospitals: int) -> tuple[np.ndarray, np.ndarray]:
    """Integers, and the probability of each as the total of all shares."""
    reach = math.ceil(60 * share)  # order times shift, where the divergence comes from, and room beyond
    k = np.arange(-reach, reach + 1)
    if noise == "skellam":
        return k, scipy.special.ive(np.abs(k), hospitals * share**2)
    one = np.exp(-(k**2) / (2 * share**2))
    one /= one.sum()
    total = one
    for _ in range(hospitals - 1):
        total = np.convolve(total, one, mode="same")
    return k, total


def divergence(probabilities: np.ndarray, shift: int, order: float) -> float:
    """Rényi divergence between noise and shifted noise, summed where both are large enough for float64."""
    shift = abs(shift)
    if not shift:
        return 0.0
    p, q = probabilities[shift:], probabilities[:-shift]
    good = (p > 1e-290) & (q > 1e-290)
    terms = order * np.log(p[good]) + (1 - order) * np.log(q[good])
    return float(scipy.special.logsumexp(terms)) / (order - 1)


@pytest.mark.parametrize("noise", ["discrete-gaussian", "skellam"])
@pytest.mark.parametrize(("share", "hospitals"), [(1.0, 2), (1.0, 5), (2.0, 3), (6.0, 4)])
def test_bounds_hold_against_exact_divergences(noise, share, hospitals):
    _, probabilities = sum_of_shares(noise, share, hospitals)
    for vector in ([1], [3], [2, 1, 0, 0], [1] * 8, [4, -3, 2, 1]):
        exact_noise = ScaledNoise(noise, float(np.linalg.norm(vector)), share, hospitals, len(vector))
        curve = exact_noise.rdp(ORDERS)
        for order, bound in zip(curve.orders, curve.epsilons, strict=True):
            exact = sum(divergence(probabilities, shift, order) for shift in vector)
            assert exact <= bound * (1 + 1e-9), (vector, order)
            # The bounds are no looser than need be (Skellam's is, for noise of a few units).
            if noise == "discrete-gaussian" or (share > 1 and order in (2.0, 3.0, 4.0)):
                assert bound < 1.5 * exact + 10 * exact_noise.dimension * math.exp(-((math.pi * share) ** 2)), (
                    vector,
                    order,
                )


@pytest.mark.parametrize("noise", ["discrete-gaussian", "skellam"])
def test_fine_grids_cost_what_the_gaussian_costs(noise):
    multiplier = 1.3
    curve = DistributedNoise(
        noise, clip=0.7, noise_multiplier=multiplier, hospitals=5, bits=22, dimension=64
    ).scaled.rdp()
    for order, epsilon in zip(curve.orders, curve.epsilons, strict=True):
        gaussian = order / (2 * multiplier**2)
        assert gaussian < epsilon
        if order == int(order):
            assert epsilon == pytest.approx(gaussian, rel=2e-4)


def test_coarse_grids_cost_more():
    costs = [
        DistributedNoise("skellam", 1.0, 1.0, 5, bits, dimension=2000).scaled.rdp().epsilons[50]
        for bits in (10, 12, 16, 20)
    ]
    assert all(a > b for a, b in itertools.pairwise(costs))
    assert costs[0] > 1.5 * costs[-1]


def test_rounding_never_makes_a_vector_longer_than_accounted():
    noise = DistributedNoise("skellam", clip=0.3, noise_multiplier=0.5, hospitals=5, bits=12, dimension=100)
    rng = np.random.default_rng(0)
    for _ in range(50):
        vector = rng.normal(size=noise.padded_dimension)
        vector *= noise.clip / np.linalg.norm(vector)
        away_from_zero = np.sign(vector) * np.ceil(np.abs(vector * noise.scale))
        assert np.linalg.norm(away_from_zero) <= noise.scaled.l2
        assert np.abs(away_from_zero).sum() <= noise.scaled.l1


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 22])
@pytest.mark.parametrize("dimension", [1, 14, 1000, 50_000])
def test_the_modulus_has_room_for_the_noisy_sum(bits, dimension):
    if bits == 8 and dimension > 14:
        with pytest.raises(SettingsError, match=f"bits is {bits}, too few"):
            DistributedNoise("skellam", 0.5, 1.0, 5, bits, dimension)
        return
    noise = DistributedNoise("skellam", 0.5, 1.0, 5, bits, dimension)
    signal = 5 * noise.clip * noise.scale / math.sqrt(noise.padded_dimension)
    assert 6 * math.hypot(signal, noise.scaled.stddev) <= 2 ** (bits - 1) * 1.0001
    assert noise.scaled.local_stddev >= 1


def test_too_few_bits_are_refused_with_a_remedy():
    with pytest.raises(SettingsError, match=r"bits is 4, too few.*choose more"):
        DistributedNoise("discrete-gaussian", 1.0, 1.0, 5, 4, 1000)
    with pytest.raises(SettingsError, match="bits is 23: 5 hospitals need 4 to 22"):
        DistributedNoise("discrete-gaussian", 1.0, 1.0, 5, 23, 1000)
