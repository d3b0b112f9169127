"""The CTGAN's networks: shapes, randomness by seed alone, rows that do not mix where they must not."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data.errors import SettingsError
from models.ctgan import critic, generator


def numbers(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


SEED = tf.constant([3, 4], tf.int64)


@pytest.mark.parametrize("conditions", [0, 5])
def test_generator_concatenates_every_layer_to_its_input(conditions: int):
    model = generator(7, conditions, 11, hidden=(16, 8))
    assert model([numbers(4, 7), numbers(4, conditions)], training=True).shape == (4, 11)
    kernels = [tuple(v.shape) for v in model.trainable_variables if v.shape.rank == 2]
    inputs = 7 + conditions
    assert kernels == [(inputs, 16), (inputs + 16, 8), (inputs + 24, 11)]


@pytest.mark.parametrize("normalisation", ["layer", "group", "none"])
def test_only_batch_normalisation_mixes_rows(normalisation: str):
    latent, condition = numbers(6, 7), numbers(6, 3, seed=1)
    other = tf.concat([latent[:1], 10 * latent[1:]], 0)
    tf.keras.utils.set_random_seed(1)
    model = generator(7, 3, 5, hidden=(32,), normalisation=normalisation)
    np.testing.assert_allclose(
        model([latent, condition], training=True)[0], model([other, condition], training=True)[0], atol=1e-6
    )
    assert not model.non_trainable_variables
    batch = generator(7, 3, 5, hidden=(32,))
    moved = batch([latent, condition], training=True)[0] - batch([other, condition], training=True)[0]
    assert np.abs(moved).max() > 1e-3
    assert len(batch.non_trainable_variables) == 2


def test_unknown_normalisation_is_refused():
    with pytest.raises(SettingsError, match="batch, layer, group or none"):
        generator(2, 0, 2, normalisation="bacth")  # type: ignore[arg-type]


def test_first_outputs_are_small_enough_for_a_temperature_of_a_fifth():
    tf.keras.utils.set_random_seed(0)
    model = generator(128, 22, 45)
    outputs = model([numbers(500, 128), tf.one_hot(tf.range(500) % 22, 22)], training=True)
    # Keras' default start gives 1.0: divided by 0.2, a softmax over such numbers is one-hot before it has learnt.
    assert 0.2 < np.std(outputs) < 0.6


def test_critic_judges_packs():
    model = critic(4, 3, pac=5, hidden=(16, 8))
    rows, condition = numbers(10, 4), numbers(10, 3, seed=1)
    scores = model([rows, condition, SEED], training=False)
    assert scores.shape == (2, 1)
    changed = tf.concat([rows[:5], rows[5:] + 1], 0)
    again = model([changed, condition, SEED], training=False)
    assert again[0] == scores[0]
    assert again[1] != scores[1]
    # A pack is judged as a whole: its rows' order counts.
    assert model([tf.reverse(rows, [0]), tf.reverse(condition, [0]), SEED], training=False)[0] != scores[1]


def test_dropout_follows_the_seed_alone():
    model = critic(4, 0, pac=1, hidden=(64, 64), dropout=0.5)
    inputs = [numbers(8, 4), tf.zeros([8, 0])]
    first = model([*inputs, SEED], training=True)
    tf.random.set_seed(99)
    np.testing.assert_array_equal(first, model([*inputs, SEED], training=True))
    assert np.abs(first - model([*inputs, SEED + 1], training=True)).max() > 1e-4
    still = model([*inputs, SEED], training=False)
    assert np.abs(first - still).max() > 1e-4
    # What is kept is scaled up, so that the mean over seeds is the score without dropout for a linear layer.
    linear = critic(4, 0, pac=1, hidden=(64,), dropout=0.5)
    seeds = [tf.constant([k, 0], tf.int64) for k in range(600)]
    mean = tf.reduce_mean([linear([*inputs, seed], training=True) for seed in seeds], 0)
    spread = tf.math.reduce_std([linear([*inputs, seed], training=True) for seed in seeds[:50]], 0)
    z = (mean - linear([*inputs, SEED], training=False)) / (spread / 600**0.5)
    assert np.abs(z).max() < 6


@pytest.mark.parametrize(("rate", "units"), [(0.5, 7), (0.1, 8), (0.75, 1)])
def test_dropout_leaves_out_its_share_whatever_the_number_of_units(rate: float, units: int):
    whole = critic(3, 0, pac=1, hidden=(units,), dropout=rate)
    (dropping,) = [layer for layer in whole.layers if type(layer).__name__ == "SeededDropout"]
    found = dropping([tf.ones([40_000, units]), SEED], training=True).numpy()
    assert found.shape == (40_000, units)
    assert set(np.unique(found.round(4))) == {0.0, np.float32(1 / (1 - rate)).round(4)}
    by_unit = (found == 0).mean(0)
    assert np.abs(by_unit - rate).max() < 6 * (rate * (1 - rate) / 40_000) ** 0.5
    if units > 1:  # neighbours share a random word, and are independent all the same
        together = ((found[:, 0] == 0) & (found[:, 1] == 0)).mean()
        assert abs(together - rate**2) < 6 * (rate**2 * (1 - rate**2) / 40_000) ** 0.5
