"""No seed of the program decides about any mechanism's noise."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_federated as tff
from aggregation_example import FLAKE, check_independent

from models.classifier import logistic_regression
from tff_health.aggregators import fresh_noise
from tff_health.aggregators.discrete_gaussian import sample_discrete_gaussian
from tff_health.aggregators.hospital_dp import MECHANISMS, HospitalLevelDp
from tff_health.analytics.noisy_sum import NoisySumFactory
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.optimizers import build_optimizer
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime import entropy
from tff_health.runtime.client_batches import client_dataset

pytestmark = pytest.mark.usefixtures("tff_context")
HOSPITALS, SIZE = 3, 2**12


def aggregated(factory):
    process = factory.create(tff.TensorType(np.float32, [SIZE]))
    output = process.next(process.initialize(), [np.zeros(SIZE, np.float32)] * HOSPITALS)
    return np.asarray(output.result)


def hospital_level(name):
    count = {"clipped_count_stddev": 2.0} if name == "gaussian-adaptive" else {}
    return HospitalLevelDp(name, 1.0, 1.0, HOSPITALS, rounds=2, **count).build_factory()


def clips():
    """The clip after each of two rounds. One hospital of three is below it and the noise small: else a share outside
    [0, 1] is cut, and two different noises often give the same clip."""
    mechanism = HospitalLevelDp("gaussian-adaptive", 1.0, 0.1, HOSPITALS, rounds=2, clipped_count_stddev=0.1)
    process = mechanism.build_factory().create(tff.TensorType(np.float32, [SIZE]))
    state, values = process.initialize(), []
    for _ in range(2):
        state = process.next(state, [np.full(SIZE, size, np.float32) for size in (0.001, 1, 1)]).state
        values.append(float(state["inner"].query_state.numerator_state.sum_state.l2_norm_clip))
    return values


def trained_privately():
    """The noise of one DP-SGD step in each of three hospitals, whose empty updates it is all there is to see."""
    privacy = PatientLevelDp(clip=1.0, noise_multiplier=1.0, hospitals=HOSPITALS)
    process = build_classifier_process(
        logistic_regression,
        (SIZE - 1,),
        client_optimizer=build_optimizer("sgd", 1.0),
        aggregator="uniform-mean",
        privacy=privacy,
    )
    start = process.initialize()
    rows = (np.zeros((4, SIZE - 1), np.float32), np.zeros((4, 1), np.float32))
    end = process.next(start, [client_dataset(*rows, batch_size=4, order=None)] * HOSPITALS).state
    weights = [process.get_model_weights(state).trainable[0].ravel() for state in (start, end)]
    return weights[1] - weights[0]


def seeded(draw):
    tf.keras.utils.set_random_seed(5)
    return draw()


@pytest.fixture
def known_words(monkeypatch):
    """As if somebody had guessed what the operating system would give."""

    def words(count):
        return tf.range(11, 11 + count, dtype=tf.int64)

    monkeypatch.setattr(entropy, "fresh_words", words)
    monkeypatch.setattr(fresh_noise, "fresh_words", words)


@pytest.mark.usefixtures("known_words")
@pytest.mark.parametrize("name", MECHANISMS)
def test_no_other_source_adds_to_hospital_level_noise(name):
    """So that the tests below look at all there is. TFF rotates anew for each process; lengths stay."""
    first, second = (aggregated(hospital_level(name)) for _ in range(2))
    assert np.linalg.norm(first) == pytest.approx(np.linalg.norm(second), rel=1e-5)
    if name not in ("discrete-gaussian", "skellam"):
        np.testing.assert_array_equal(first, second)
    if name == "gaussian-adaptive":
        assert clips() == clips()


@pytest.mark.usefixtures("known_words")
def test_no_other_source_adds_to_the_noise_of_dp_sgd_and_private_statistics():
    np.testing.assert_array_equal(trained_privately(), trained_privately())
    first, second = (aggregated(NoisySumFactory(1.0, "server", HOSPITALS)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_global_seed_decides_about_no_hospital_level_noise(name):
    """Flake rate: 1e-9; the counts' is that of their rounding, below 1e-8."""
    first, second = (seeded(lambda: aggregated(hospital_level(name))) for _ in range(2))
    check_independent(first, second)
    if name == "gaussian-adaptive":
        assert seeded(clips) != seeded(clips), "the counts have the same noise"


def test_a_global_seed_decides_about_no_noise_of_dp_sgd():
    """Flake rate: 1e-9."""
    first, second = seeded(trained_privately), seeded(trained_privately)
    assert first.std() > 0.1
    check_independent(first, second)


def test_a_global_seed_decides_about_no_noise_of_private_statistics():
    """Flake rate: 1e-9."""
    first, second = (seeded(lambda: aggregated(NoisySumFactory(1.0, "each-hospital", HOSPITALS))) for _ in range(2))
    check_independent(first, second)


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_discrete_gaussian_samples(scale):
    """Counts of each value by a chi-square test: flake rate 1e-9."""
    count = 20_000
    drawn = sample_discrete_gaussian(
        tf.constant(scale, tf.int64), tf.constant(count), tf.constant([scale, 2], tf.int64)
    )
    values = np.arange(-3 * scale, 3 * scale + 1)
    weights = np.exp(-(np.arange(-60, 61) ** 2) / (2.0 * scale**2))
    expected = count * np.exp(-(values**2) / (2.0 * scale**2)) / weights.sum()
    observed = np.array([np.sum(drawn == value) for value in values])
    tail, expected_tail = count - observed.sum(), count - expected.sum()
    cells = np.array([*observed, tail]), np.array([*expected, expected_tail])
    statistic = np.sum((cells[0] - cells[1]) ** 2 / cells[1])
    assert statistic < scipy.stats.chi2.ppf(1 - FLAKE, len(observed))
    again = sample_discrete_gaussian(
        tf.constant(scale, tf.int64), tf.constant(count), tf.constant([scale, 2], tf.int64)
    )
    other = sample_discrete_gaussian(
        tf.constant(scale, tf.int64), tf.constant(count), tf.constant([scale, 3], tf.int64)
    )
    np.testing.assert_array_equal(drawn, again)
    check_independent(np.asarray(drawn, np.float64), np.asarray(other, np.float64))


def test_discrete_gaussian_of_a_large_scale_and_of_few():
    """Chi-square bounds on the variance: flake rate 2e-9."""
    seed = tf.constant([7, 8], tf.int64)
    drawn = sample_discrete_gaussian(tf.constant(2**22, tf.int64), tf.constant(10_000), seed).numpy() / 2**22
    low, high = scipy.stats.chi2.ppf([FLAKE, 1 - FLAKE], drawn.size)
    assert low < np.sum(drawn**2) < high
    for few in (0, 1, 3):
        assert sample_discrete_gaussian(tf.constant(4, tf.int64), tf.constant(few), seed).shape == (few,)
