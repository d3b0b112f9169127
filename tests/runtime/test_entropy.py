"""Words from the operating system: never the same, whoever asks, whatever the seed.

Words of 64 bits: that two of the thousands below are equal by chance has a probability below 1e-11.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tff_health.runtime import entropy, execution_context
from tff_health.runtime.entropy import fresh_generator, fresh_words

import tensorflow as tf  # isort: skip (after the project has silenced it)
import tensorflow_federated as tff  # isort: skip

CLIENTS = 5


def at_hospitals() -> Any:
    @tff.tensorflow.computation(np.int32)
    def draw(_: Any) -> Any:
        state = fresh_generator().state
        return tf.concat([fresh_words(2), fresh_words(2), tf.convert_to_tensor(state)], axis=0)

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def draw_everywhere(values: Any) -> Any:
        return tff.federated_map(draw, values)

    return lambda: np.array(draw_everywhere([0] * CLIENTS))


def assert_all_different(words: np.ndarray) -> None:
    assert len(np.unique(words)) == words.size


def test_clients_calls_operations_and_workers_share_nothing() -> None:
    drawn, workers = [], set()
    for _ in range(2):
        with execution_context() as context:
            draw = at_hospitals()
            drawn += [draw() for _ in range(3)]
            context.worker.ensure_running()
            workers.add(context.worker.pid)
        assert not psutil.pid_exists(context.worker.pid or -1)
    assert len(workers) == 2
    assert drawn[0].shape == (CLIENTS, 7)
    assert_all_different(np.array(drawn))


def test_eager_calls_differ_and_a_traced_function_draws_anew_at_each_call() -> None:
    traced = tf.function(lambda: tf.concat([fresh_words(3), fresh_words(3)], axis=0))
    drawn = [fresh_words(6).numpy() for _ in range(5)] + [traced().numpy() for _ in range(5)]
    drawn += [np.concatenate([fresh_generator().state.numpy() for _ in range(2)])]
    assert_all_different(np.array(drawn))
    assert fresh_words(1).dtype == tf.int64


def test_all_bits_are_fair_and_independent() -> None:
    """64 positions, 64 * 63 / 2 pairs of positions and 63 pairs of neighbouring words; bounds of 7.5 standard
    deviations: flake rate 2e-10."""
    words = np.concatenate([fresh_words(1000).numpy() for _ in range(20)] + [fresh_words(1).numpy() for _ in range(50)])
    signs = 2.0 * np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1) - 1
    bound = 7.5 / np.sqrt(len(words))
    assert np.abs(signs.mean(axis=0)).max() < bound
    assert np.abs(np.tril(signs.T @ signs / len(words), -1)).max() < bound
    assert np.abs((signs[1:] * signs[:-1]).mean(axis=0)).max() < bound * 1.001


def test_a_global_seed_changes_nothing() -> None:
    """Neither eagerly, where TensorFlow's own operations then repeat themselves, nor in the worker."""

    def eager() -> tuple[np.ndarray, np.ndarray]:
        tf.keras.utils.set_random_seed(3)
        return tf.random.uniform([2]).numpy(), np.append(fresh_words(2), fresh_generator().state)

    (own_first, first), (own_second, second) = eager(), eager()
    np.testing.assert_array_equal(own_first, own_second)
    assert_all_different(np.array([first, second]))
    drawn = []
    for _ in range(2):
        tf.keras.utils.set_random_seed(3)
        with execution_context():
            drawn.append(at_hospitals()())
    assert_all_different(np.array(drawn))


def test_noise_of_a_fresh_generator_differs_by_hospital_inside_a_function() -> None:
    """As DP-SGD draws it: made in the computation, used in a `tf.function`."""

    @tff.tensorflow.computation(np.int32)
    def noise(_: Any) -> Any:
        generator = fresh_generator()
        return tf.function(lambda: tf.concat([generator.normal([4]), generator.normal([4])], axis=0))()

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def everywhere(values: Any) -> Any:
        return tff.federated_map(noise, values)

    with execution_context():
        assert len(np.unique(np.array([everywhere([0] * CLIENTS) for _ in range(2)]))) == 2 * CLIENTS * 8


def test_without_enough_random_bytes_nothing_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    monkeypatch.setattr(entropy, "_SOURCE", str(source))
    with pytest.raises(tf.errors.NotFoundError):
        fresh_words(2)
    for too_little in (b"", b"short\nlines\n", b"x" * 63):
        source.write_bytes(too_little)
        with pytest.raises(tf.errors.OpError):
            fresh_words(2)
    source.write_bytes(b"x" * 64)
    np.testing.assert_array_equal(fresh_words(2), fresh_words(2))  # the bytes are all that counts
    first = fresh_words(3).numpy()
    source.write_bytes(b"x" * 63 + b"y")
    assert_all_different(np.array([first, fresh_words(3).numpy()]))


def test_no_words_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        fresh_words(0)
