"""A small federated training, as users run one; the process tests start it as a script.

`python federated_example.py WAY_TO_END` (`success`, `exception`, `busy`) prints the worker's process id and more.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import time
from typing import Any

import numpy as np

from data.errors import TffHealthError
from tff_health.runtime import client_dataset, ensure_context, execution_context, seeds
from tff_health.runtime.determinism import enable_determinism
from tff_health.runtime.signals import interruptible

HOSPITALS = 5
ROWS = 100
ROUNDS = 12


def hospitals() -> list[tuple[np.ndarray, np.ndarray]]:
    rows = []
    for hospital in range(HOSPITALS):
        features = seeds.generator(0, "rows", hospital).normal(size=(ROWS, 20)).astype(np.float32)
        rows.append((features, (features[:, :1] + features[:, 1:2] > 0).astype(np.float32)))
    return rows


def datasets(round_number: int) -> list[Any]:
    return [
        client_dataset(x, y, batch_size=32, epochs=2, order=seeds.stream(0, "order", hospital, round_number))
        for hospital, (x, y) in enumerate(hospitals())
    ]


@functools.cache
def build_process() -> Any:
    import tensorflow as tf
    import tensorflow_federated as tff

    enable_determinism(0, "weights")
    keras_model = tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer((20,)),
            tf.keras.layers.Dense(64, "relu"),
            tf.keras.layers.Dense(64, "relu"),
            tf.keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model = tff.learning.models.functional_model_from_keras(
        keras_model, tf.keras.losses.BinaryCrossentropy(), datasets(0)[0].element_spec
    )
    return tff.learning.algorithms.build_weighted_fed_avg(
        model,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1, 0.9),
        loop_implementation=tff.learning.loop_builder.LoopImplementation.DATASET_ITERATOR,
    )


def digest(state: Any) -> str:
    arrays = state.global_model_weights.trainable
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def count_to(limit: int) -> int:
    """Counts in the worker; to 10^12 it takes days."""
    import tensorflow as tf
    import tensorflow_federated as tff

    @tff.tensorflow.computation
    def count() -> Any:
        return tf.while_loop(lambda i: i < limit, lambda i: (i + 1,), [tf.constant(0, tf.int64)])[0]

    return int(count())


def train(context: Any) -> None:
    """All rounds, each timed."""
    started = time.perf_counter()
    process = build_process()
    built = time.perf_counter()
    state = process.initialize()
    print("worker", context.worker.pid)
    times = [f"build {built - started:.2f}", f"init {time.perf_counter() - built:.2f}"]
    for round_number in range(ROUNDS):
        begun = time.perf_counter()
        state = process.next(state, datasets(round_number)).state
        times.append(f"{time.perf_counter() - begun:.3f}")
    print("times", *times)
    print("digest", digest(state))


def main(way_to_end: str) -> None:
    """Runs in the asked way; the two ways that are cut short leave the training out."""
    if way_to_end == "exception":
        context = ensure_context()
        count_to(3)
        print("worker", context.worker.pid)
        raise RuntimeError("a bug of the user's")
    with interruptible(), execution_context() as context:
        if way_to_end == "busy":
            count_to(3)
            print("worker", context.worker.pid, flush=True)
            count_to(10**12)
        train(context)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except TffHealthError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
