"""Sums of clipped critic gradients: held to a loop over patients, and to the bound that a patient may move them by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from private_gan_example import LAYOUT, make_encoded, make_task, randomised

from tff_health.learning.clipping.layer_groups import layer_groups
from tff_health.learning.gan.clipped_critic import clipped_critic_sum

SEED = tf.constant([3, 4], tf.int64)
CRITICS: list[dict[str, Any]] = [
    {},
    {"critic_hidden": (6,)},
    {"critic_hidden": (6, 5), "gradient_penalty": 10.0},
]


def compiled(task: Any, critic: Any, partners: Any, **options: Any) -> Any:
    """The sum as a function traced once for any number of patients."""
    specs = tf.nest.map_structure(lambda part: tf.TensorSpec([None, *part.shape[1:]], part.dtype), partners)
    rows = tf.TensorSpec([None, LAYOUT.width], tf.float32)

    @tf.function(input_signature=[rows, specs], autograph=False)
    def total(own: tf.Tensor, with_them: Any) -> tf.Tensor:
        sums, _ = clipped_critic_sum(task, critic, own, with_them, **options)
        return tf.concat([tf.reshape(part, [-1]) for part in sums], 0)

    return total


def prepared(rows: int, **changes: Any) -> tuple[Any, Any, tf.Tensor, Any]:
    task = make_task(**changes)
    networks = task.build_networks()
    critic = randomised(networks.critic)
    encoded = tf.constant(make_encoded(rows))
    return task, critic, encoded, task.partners(networks.generator, rows, SEED)


def own_gradient(task: Any, critic: Any, rows: tf.Tensor, partners: Any, k: int) -> tuple[float, list[np.ndarray]]:
    """Written out here: minus the score, plus 10 (|gradient of the score by the row| - 1)^2 at a mixed point."""

    def score(values: tf.Tensor) -> tf.Tensor:
        return critic([task.row_features.features(values), task.row_features.label(values)])

    own = rows[k : k + 1]
    with tf.GradientTape() as outer:
        loss = -score(own)[0, 0]
        if task.settings.gradient_penalty:
            fakes, shares = partners
            mixed = shares[k] * own + (1 - shares[k]) * fakes[k : k + 1]
            with tf.GradientTape() as inner:
                inner.watch(mixed)
                at_mixed = score(mixed)
            loss += 10.0 * (tf.norm(inner.gradient(at_mixed, mixed)) - 1.0) ** 2
    found = outer.gradient(loss, critic.trainable_variables, unconnected_gradients="zero")
    return float(loss), [tf.convert_to_tensor(part).numpy().astype(np.float64) for part in found]


@pytest.mark.parametrize(
    ("changes", "clipping"), [(CRITICS[0], "flat"), (CRITICS[1], "per-layer"), (CRITICS[2], "flat")]
)
def test_the_sum_is_that_of_a_loop_over_patients(changes: dict[str, Any], clipping: Any) -> None:
    task, critic, rows, partners = prepared(17, **changes)
    sums, norms = clipped_critic_sum(task, critic, rows, partners, clip=0.7, clipping=clipping)
    groups = layer_groups(critic)
    bound = 0.7 if clipping == "flat" else 0.7 / np.sqrt(len(groups))
    expected = [np.zeros(variable.shape) for variable in critic.trainable_variables]
    clipped = 0
    for k in range(17):
        _, gradient = own_gradient(task, critic, rows, partners, k)
        whole = np.sqrt(sum((part**2).sum() for part in gradient))
        assert float(norms[k]) == pytest.approx(whole, rel=1e-4)
        for group in groups:
            norm = whole if clipping == "flat" else np.sqrt(sum((gradient[i] ** 2).sum() for i in group))
            clipped += norm > bound
            for i in group:
                expected[i] += gradient[i] * min(1.0, bound / max(norm, 1e-30))
    assert clipped > 0
    for ours, wanted in zip(sums, expected, strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "clipping"), [(CRITICS[0], "flat"), (CRITICS[1], "per-layer"), (CRITICS[2], "flat")]
)
def test_without_a_patient_it_moves_by_the_clip_at_most(changes: dict[str, Any], clipping: Any) -> None:
    task, critic, rows, partners = prepared(9, **changes)
    rows = tf.concat([rows[:-1], 50.0 * rows[-1:]], 0)  # one that no codec would make

    function = compiled(task, critic, partners, clip=0.3, clipping=clipping)

    def total(kept: list[int]) -> np.ndarray:
        return function(*tf.nest.map_structure(lambda values: tf.gather(values, kept), (rows, partners))).numpy()

    moved = [np.linalg.norm(total(list(range(9))) - total([k for k in range(9) if k != gone])) for gone in range(9)]
    assert max(moved) <= 0.3 * (1 + 1e-5)
    assert max(moved) > 0.1


def test_a_linear_critic_has_nothing_to_clip() -> None:
    """Features are bounded by the clip and labels by 1, whatever stands in a row, generated ones included."""
    task, critic, _, _ = prepared(1)
    rows = np.concatenate([make_encoded(200), np.random.default_rng(0).dirichlet(np.ones(LAYOUT.width), 50)])
    _, norms = clipped_critic_sum(task, critic, tf.constant(rows, tf.float32), (), clip=1.5, clipping="flat")
    assert np.max(norms) <= 1.5 * (1 + 1e-5)
    assert np.max(norms) > 0.5


def test_rows_that_are_no_numbers_contribute_nothing() -> None:
    task, critic, rows, _ = prepared(5, critic_hidden=(6,))
    spoilt = tf.concat([rows, tf.fill([1, LAYOUT.width], np.nan)], 0)
    clean, _ = clipped_critic_sum(task, critic, rows, (), clip=0.5, clipping="flat")
    same, norms = clipped_critic_sum(task, critic, spoilt, (), clip=0.5, clipping="flat")
    for ours, wanted in zip(same, clean, strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)
    assert np.isnan(norms[-1])


def test_no_patient_at_all_gives_zeros() -> None:
    task, critic, rows, _ = prepared(3)
    sums, _ = clipped_critic_sum(task, critic, rows[:0], (), clip=1.0, clipping="flat")
    assert all(not np.any(part) for part in sums)
