"""The secure mean equals the plain mean, shows the server sums only, and takes other protocols for its sum."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_federated as tff
from aggregation_example import check_noise, rounds

from data.errors import SettingsError
from tff_health.aggregators.catalogue import CATALOGUE, build_aggregator
from tff_health.aggregators.guarantees import guarantees_fixed_weights, require_fixed_weights, sums_securely
from tff_health.aggregators.hospital_dp import HospitalLevelDp
from tff_health.aggregators.mapped import MappedFactory
from tff_health.aggregators.quantisation import quantisation_step
from tff_health.aggregators.secure_mean import build_secure_mean
from tff_health.aggregators.secure_sum import centred_sum, simulated_modular_sum

pytestmark = pytest.mark.usefixtures("tff_context")
HOSPITALS = 5


@pytest.mark.parametrize("bits", [10, 20, 32, 40])
def test_equals_the_plain_mean_to_half_a_step(bits):
    rng = np.random.default_rng(bits)
    updates = [rng.uniform(-2, 2, size=500).astype(np.float32) for _ in range(HOSPITALS)]
    step = quantisation_step(HOSPITALS, 2.0, bits)
    (done,) = rounds(build_secure_mean(HOSPITALS, 2.0, bits=bits), updates, 1)
    error = np.abs(done.result - np.mean(updates, axis=0, dtype=np.float64))
    float32 = 2.0 * 2**-24  # of the result itself
    assert error.max() <= step / 2 + float32
    if bits == 10:
        assert error.max() > step / 20, "the grid should be visible, or the test shows nothing"
    assert done.state["rounds"] == 1
    assert (done.state["fewest_hospitals"], done.state["most_hospitals"]) == (HOSPITALS, HOSPITALS)


def test_the_sum_of_all_at_the_bound_does_not_wrap_and_more_is_clipped():
    updates = [np.array([3.0, -3.0, 50.0])] * HOSPITALS
    (done,) = rounds(build_secure_mean(HOSPITALS, 3.0, bits=8), updates, 1)
    np.testing.assert_allclose(done.result, [3.0, -3.0, 3.0], rtol=1e-6)


def test_shares_of_noise_add_up():
    """Flake rate: 3e-9."""
    rng = np.random.default_rng()
    shares = [rng.normal(scale=2 / HOSPITALS**0.5, size=2**14) for _ in range(HOSPITALS)]
    (done,) = rounds(build_secure_mean(HOSPITALS, 20.0), shares, 1)
    check_noise(done.result, 2 / HOSPITALS)


@pytest.mark.parametrize(("stddev", "as_good"), [(4.0, True), (1.0, True), (0.25, False)])
def test_rounded_shares_of_gaussian_noise_protect_like_gaussian_noise(stddev, as_good):
    """Exact Rényi divergences between sums of three rounded noisy values when one hospital's value is zeroed, over
    those of the Gaussian noise; everything in steps of the grid. Only noise finer than the grid would leak."""
    k = np.arange(-150, 151)

    def total(values):
        one = [np.diff(scipy.stats.norm.cdf(np.append(k, 151) - 0.5, value, stddev)) for value in values]
        return np.convolve(np.convolve(one[0], one[1], mode="same"), one[2], mode="same")

    ratios = []
    for a, b, value in ((0.3, -1.7, 2.4), (0.5, 0.5, 0.5), (0.0, 0.0, 0.5), (0.1, 0.6, 1.5)):
        p, q = total([a, b, value]), total([a, b, 0.0])
        good = (p > 1e-15) & (q > 1e-15)  # differences of a distribution function are no more precise
        for order in (1.5, 2.0, 8.0):
            terms = order * np.log(p[good]) + (1 - order) * np.log(q[good])
            exact = scipy.special.logsumexp(terms) / (order - 1)
            ratios.append(exact / (order * value**2 / (2 * 3 * stddev**2)))
    assert (max(ratios) <= 1) == as_good


def test_what_sums_securely():
    assert sums_securely(build_secure_mean(HOSPITALS, 1.0))
    assert sums_securely(build_aggregator("secure-weighted"))
    for mechanism in ("skellam", "discrete-gaussian"):
        assert sums_securely(HospitalLevelDp(mechanism, 1.0, 1.0, 5).build_factory())
    for factory in (
        build_aggregator("mean"),
        build_aggregator("uniform-mean"),
        HospitalLevelDp("gaussian", 1.0, 1.0, 5).build_factory(),
        HospitalLevelDp("tree", 1.0, 1.0, 5).build_factory(),
        # One plain sum beside a secure one gives everything away.
        tff.aggregators.MeanFactory(weight_sum_factory=tff.aggregators.SecureSumFactory(1.0, 0.0)),
    ):
        assert not sums_securely(factory)


def test_the_catalogue_says_truly_what_is_secure():
    numbers = {"hospitals": 20, "bound": 1.0, "clip": 1.0, "noise_multiplier": 1.0, "rounds": 2}
    for name, entry in CATALOGUE.items():
        factory = build_aggregator(name, **{key: value for key, value in numbers.items() if key in entry.parameters})
        assert sums_securely(factory) == entry.secure, name
        assert guarantees_fixed_weights(factory) == (not entry.weighted), name


def test_weighted_aggregation_under_a_guarantee_is_refused():
    for aggregator in ("mean", "robust", "secure-weighted", tff.aggregators.MeanFactory()):
        with pytest.raises(SettingsError, match="Weighted aggregation under a guarantee is refused"):
            require_fixed_weights(aggregator)
    for aggregator in ("uniform-mean", "secure-mean", tff.aggregators.UnweightedMeanFactory()):
        require_fixed_weights(aggregator)


def test_another_protocol_can_take_the_place_of_the_simulated_sum():
    """A stand-in that counts its uses and adds a mask that cancels modulo m: residues in, residues out."""
    moduli = []

    def masked(modulus):
        moduli.append(modulus)
        return MappedFactory(
            simulated_modular_sum(modulus),
            before=lambda value: tf.nest.map_structure(lambda x: tf.math.floormod(x + modulus // 5, modulus), value),
            after=lambda value: tf.nest.map_structure(
                lambda x: tf.math.floormod(x - HOSPITALS * (modulus // 5), modulus), value
            ),
        )

    updates = [np.full(4, 0.1 * n) for n in range(HOSPITALS)]
    (done,) = rounds(build_secure_mean(HOSPITALS, 1.0, modular_sum=masked), updates, 1)
    np.testing.assert_allclose(done.result, 0.2, atol=1e-6)
    assert moduli == [2**32, 2**24]  # updates, and the count of hospitals
    (done,) = rounds(HospitalLevelDp("skellam", 1.0, 0.01, HOSPITALS).build_factory(masked), updates, 1)
    np.testing.assert_allclose(done.result, 0.2, atol=7 * 0.01 / HOSPITALS + 1e-4)
    assert set(moduli[2:]) == {2**20, 2**24}


def test_centred_sum_wraps_at_half_the_modulus():
    values = [np.array([3, -4, 7, 60]), np.array([2, -5, 0, 5])]
    process = centred_sum(16, tf.int32).create(tff.TensorType(np.int32, [4]))
    result = process.next(process.initialize(), [value.astype(np.int32) for value in values]).result
    np.testing.assert_array_equal(result, [5, 7, 7, 1])  # -9 is 7 modulo 16, 65 is 1
    with pytest.raises(ValueError, match="modulus"):
        centred_sum(1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((1, 1.0), "hides nothing"),
        ((5, 0.0), "bound is 0.0"),
        ((5, float("nan")), "bound is nan"),
        ((5, 1.0, 3), "bits is 3"),
        ((5, 1.0, 41), "bits is 41"),
    ],
)
def test_bad_settings(arguments, sentence):
    hospitals, bound, *bits = arguments
    with pytest.raises(SettingsError, match=sentence):
        build_secure_mean(hospitals, bound, **({"bits": bits[0]} if bits else {}))
