"""The tree's cost against the tree that TensorFlow Privacy runs, taken apart node by node."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_privacy as tfp
from tensorflow_privacy.privacy.analysis import tree_aggregation_accountant

from tff_health.aggregators.tree_noise import effective_noise_multiplier, squared_node_sensitivity

WIDTH = 48  # more nodes than any tree below has


class UnitVectors(tfp.tree_aggregation.ValueGenerator):
    """The k-th node's noise is the k-th unit vector, so that noise shows which nodes it is made of."""

    def initialize(self):
        return tf.constant(0)

    def next(self, state):
        return tf.one_hot(state, WIDTH), state + 1


def node_weights(rounds: int) -> np.ndarray:
    """What each node contributes to the noise of each round's prefix sum: [rounds, WIDTH]."""
    tree = tfp.tree_aggregation.EfficientTreeAggregator(UnitVectors())
    state, rows = tree.init_state(), []
    for _ in range(rounds):
        row, state = tree.get_cumsum_and_update(state)
        rows.append(row.numpy())
    return np.array(rows)


def node_members(rounds: int) -> np.ndarray:
    """Which rounds each node sums, in the order in which the tree makes them: [WIDTH, rounds]."""
    members = []
    for last in range(1, rounds + 1):
        size = 1
        while last % size == 0:
            members.append([1.0 if last - size <= t < last else 0.0 for t in range(rounds)])
            size *= 2
    return np.array(members + [[0.0] * rounds] * (WIDTH - len(members)))


@pytest.mark.parametrize("rounds", range(1, 21))
def test_brute_force(rounds):
    weights, members = node_weights(rounds), node_members(rounds)
    # All that is released is a function of the noisy nodes: weights @ (members @ updates + noise) are prefix sums.
    np.testing.assert_allclose(weights @ members, np.tril(np.ones((rounds, rounds))), atol=1e-5)
    # One hospital zeroed in all rounds moves each node by as many clips as it has rounds.
    assert np.sum(members.sum(1) ** 2) == squared_node_sensitivity(rounds)
    # No sequence of contributions moves them further: try some, and directions that cancel.
    rng = np.random.default_rng(rounds)
    for _ in range(30):
        updates = rng.normal(size=(rounds, 3))
        updates /= np.linalg.norm(updates, axis=1, keepdims=True)
        assert np.sum((members @ updates) ** 2) <= squared_node_sensitivity(rounds) + 1e-9
    # And the bound is what the released sums themselves give away (their Mahalanobis distance), no looser.
    shift = np.arange(1, rounds + 1)
    assert shift @ np.linalg.solve((weights @ weights.T).astype(float), shift) == pytest.approx(
        squared_node_sensitivity(rounds), rel=1e-4
    )


@pytest.mark.parametrize("rounds", [1, 2, 5, 8, 20])
def test_agrees_with_tensorflow_privacy(rounds):
    theirs = tree_aggregation_accountant.compute_rdp_single_tree(0.8, rounds, rounds, 0, 3.0)
    ours = 3.0 / (2 * effective_noise_multiplier(0.8, rounds) ** 2)
    assert ours == pytest.approx(theirs)


def test_powers_of_two_in_closed_form():
    assert [squared_node_sensitivity(2**k) for k in range(6)] == [2**k * (2 ** (k + 1) - 1) for k in range(6)]
    assert effective_noise_multiplier(2.0, 4) == pytest.approx(2.0 / math.sqrt(28))
    with pytest.raises(ValueError, match="at least 1"):
        squared_node_sensitivity(0)
