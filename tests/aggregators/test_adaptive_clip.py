"""The count of clipped hospitals under zero-out adjacency: what one hospital moves is what is accounted."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
import tensorflow_privacy as tfp

from tff_health.aggregators.adaptive_clip import AdaptiveClipSumQuery
from tff_health.aggregators.hospital_dp import HospitalLevelDp

CLIP, HOSPITALS = 0.8, 3
UPDATES = {
    "short": [0.1, 0.0],
    "at the clip": [0.0, 0.8],
    "just above": [0.0, -0.8001],
    "long": [50.0, -50.0],
    "tiny": [1e-12, 0.0],
    "not a number": [float("nan"), 1.0],
    "without a finite norm": [1e38, 1e38],
}


def contributions(query):
    """What an update adds to the sum and to the count, as the query makes it, [3]."""
    params = query.derive_sample_params(query.initial_global_state())

    def contribution(update):
        record = query.preprocess_record(params, tf.constant(update, tf.float32))
        return np.append(record.sum_state, record.quantile_estimator_state)

    return contribution


def squared_shift(query, value_noise, count_noise):
    """The largest squared shift over updates, in standard deviations of noise, when one becomes empty."""
    contribution = contributions(query)
    noise = np.array([value_noise, value_noise, count_noise])
    finite = [update for update in UPDATES.values() if np.linalg.norm(update) < 1e19]  # others are zeroed before
    directions = [[1.3 * np.cos(angle), 1.3 * np.sin(angle)] for angle in np.linspace(0, 6, 30)]
    return max(
        np.sum(((contribution(update) - contribution([0.0, 0.0])) / noise) ** 2) for update in finite + directions
    )


@pytest.mark.parametrize(("multiplier", "count_stddev"), [(1.0, 0.51), (1.0, 2.0), (3.0, 1.6)])
def test_no_update_moves_sum_and_count_further_than_is_accounted(multiplier, count_stddev):
    dp = HospitalLevelDp("gaussian-adaptive", CLIP, multiplier, HOSPITALS, clipped_count_stddev=count_stddev)
    numbers = (dp.value_noise_multiplier, dp.target_quantile, dp.clip_learning_rate, count_stddev, HOSPITALS)
    noise = (dp.value_noise_multiplier * CLIP, count_stddev)
    accounted = multiplier**-2
    ours = squared_shift(AdaptiveClipSumQuery(CLIP, *numbers), *noise)
    assert ours <= accounted * (1 + 1e-5)
    assert ours >= accounted * (1 - 1e-5), "the bound is reached, so nothing is wasted"
    # The query that is replaced goes beyond: an empty update counts there as one that was not clipped.
    assert squared_shift(tfp.QuantileAdaptiveClipSumQuery(CLIP, *numbers), *noise) > accounted * 1.05


@pytest.mark.usefixtures("tff_context")
def test_the_next_clip_of_the_whole_aggregator_follows_a_count_of_halves():
    """Every set of three hospitals, one of them zeroed: with negligible noise the next clip tells the count.

    Flake rate: 8 standard deviations of noise, below 1e-12."""
    dp = HospitalLevelDp(
        "gaussian-adaptive",
        CLIP,
        1e-6,
        HOSPITALS,
        clipped_count_stddev=1e-4,
        target_quantile=0.5,
        clip_learning_rate=1.0,
    )
    process = dp.build_factory().create(tff.TensorType(np.float32, [2]))
    start = process.initialize()

    def count(updates):
        """Sum of the halves: log(next clip / clip) is -(count / hospitals + 1/2 - target)."""
        state = process.next(start, [np.array(update, np.float32) for update in updates]).state
        clip = state["inner"].query_state.numerator_state.sum_state.l2_norm_clip
        return -HOSPITALS * np.log(float(clip) / CLIP)

    sides = {"short": 0.5, "long": -0.5, "tiny": 0.5, "not a number": 0.0, "without a finite norm": 0.0}
    for names in itertools.combinations_with_replacement(sides, 2):
        updates = [UPDATES[name] for name in names]
        empty = count([*updates, [0.0, 0.0]])
        assert empty == pytest.approx(sum(sides[name] for name in names), abs=8e-4), names
        for name, side in sides.items():
            moved = count([*updates, UPDATES[name]]) - empty
            assert moved == pytest.approx(side, abs=16e-4), (names, name)
