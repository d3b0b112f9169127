"""Seconds a round of the paper's experiment: its listing, this project, and the floor, in one go.

The task is the paper's: five clients of 100 rows, Dense(64, relu) + Dense(1, sigmoid), Adam at .001, one local epoch in
batches of 32. Three programs train it, each in processes of its own, one after another:

- `listing`: the paper's listing, written again from its description (Poojari 2026, section IV): Keras `compile` and
  `fit` for every client in every round, weights averaged in NumPy, `evaluate` after every round.
- `ours`: this project's learning process on TFF, including the making of the clients' batches in every round.
- `floor`: a round of the very same training as one compiled TensorFlow function, without a federation: what the
  arithmetic costs.

`ours` and `floor` start from the same weights and see the same batches; the benchmark fails where their weights
differ by more than 1e-5.

    uv run python benchmarks/five_round.py [--rounds 30] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

CLIENTS, ROWS, BATCH, RATE, SEED = 5, 100, 32, 0.001, 1
PROGRAMS = ("listing", "ours", "floor")


def client_rows() -> list[tuple[Any, Any]]:
    """The paper's data: x uniform in [0, 1], label x > .5; float32 [100, 1] each."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    rows = [rng.random((ROWS, 1)).astype(np.float32) for _ in range(CLIENTS)]
    return [(x, (x > 0.5).astype(np.float32)) for x in rows]


def run_listing(rounds: int) -> tuple[list[float], list[Any]]:
    """The paper's program: fresh networks in every round, `fit`, mean, `evaluate` on the first client."""
    import numpy as np
    import tensorflow as tf

    def network() -> tf.keras.Model:
        layers = [tf.keras.layers.Dense(64, activation="relu"), tf.keras.layers.Dense(1, activation="sigmoid")]
        return tf.keras.Sequential(layers)

    def compiled(model: tf.keras.Model) -> tf.keras.Model:
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    clients = client_rows()
    shared = network()
    shared.build((None, 1))
    compiled(shared)
    seconds = []
    for _ in range(rounds):
        clock = time.perf_counter()
        trained = []
        for x, y in clients:
            model = compiled(network())
            model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
            trained.append(model.get_weights())
        shared.set_weights([np.mean(layer, axis=0) for layer in zip(*trained, strict=True)])
        shared.evaluate(*clients[0], verbose=0)
        seconds.append(time.perf_counter() - clock)
    return seconds, []


def run_ours(rounds: int) -> tuple[list[float], list[Any]]:
    """The project's process, called as its experiments call it."""
    from models.classifier import mlp
    from tff_health.learning.classifier import build_classifier_process
    from tff_health.learning.keras_model import initial_weights
    from tff_health.learning.optimizers import build_optimizer
    from tff_health.runtime.client_batches import client_dataset
    from tff_health.runtime.context import execution_context
    from tff_health.runtime.seeds import stream

    clients = client_rows()
    with execution_context():
        process = build_classifier_process(
            mlp, (1,), client_optimizer=build_optimizer("adam", RATE), aggregator="uniform-mean"
        )
        state = process.set_model_weights(process.initialize(), initial_weights(mlp, (1,), SEED))
        seconds = []
        for number in range(rounds):
            clock = time.perf_counter()
            batches = [
                client_dataset(x, y, batch_size=BATCH, order=stream(SEED, "order", index, number))
                for index, (x, y) in enumerate(clients)
            ]
            state = process.next(state, batches).state
            seconds.append(time.perf_counter() - clock)
        return seconds, [weights.tolist() for weights in process.get_model_weights(state).trainable]


def run_floor(rounds: int) -> tuple[list[float], list[Any]]:
    """The same arithmetic as one compiled function a round."""
    import numpy as np
    import tensorflow as tf

    from models.classifier import mlp
    from tff_health.learning.keras_model import initial_weights
    from tff_health.runtime.client_batches import epoch_permutations
    from tff_health.runtime.seeds import stream

    clients = client_rows()
    features, labels = (tf.constant(np.stack([client[i] for client in clients])) for i in (0, 1))
    bounds = [(start, min(start + BATCH, ROWS)) for start in range(0, ROWS, BATCH)]

    def loss(weights: list[Any], x: Any, y: Any) -> Any:
        hidden = tf.nn.relu(x @ weights[0] + weights[1])
        logits = hidden @ weights[2] + weights[3]
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, logits))

    def trained(shared: list[Any], x: Any, y: Any) -> list[Any]:
        weights = list(shared)
        first, second = ([tf.zeros_like(w) for w in weights] for _ in range(2))
        for step, (start, stop) in enumerate(bounds, 1):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                value = loss(weights, x[start:stop], y[start:stop])
            gradients = tape.gradient(value, weights)
            first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
            second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
            rate = RATE * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            weights = [w - rate * m / (tf.sqrt(v) + 1e-7) for w, m, v in zip(weights, first, second, strict=True)]
        return weights

    @tf.function
    def training_round(shared: list[Any], order: Any) -> list[Any]:
        ends = []
        for client in range(CLIENTS):
            x, y = tf.gather(features[client], order[client]), tf.gather(labels[client], order[client])
            ends.append(trained(shared, x, y))
        return [tf.add_n(layer) / CLIENTS for layer in map(list, zip(*ends, strict=True))]

    weights = [tf.constant(w) for w in initial_weights(mlp, (1,), SEED).trainable]
    seconds = []
    for number in range(rounds):
        clock = time.perf_counter()
        orders = [
            epoch_permutations(ROWS, epochs=1, order=stream(SEED, "order", index, number))[0]
            for index in range(CLIENTS)
        ]
        weights = training_round(weights, tf.constant(np.stack(orders)))
        weights[0].numpy()
        seconds.append(time.perf_counter() - clock)
    return seconds, [w.numpy().tolist() for w in weights]


def measured(program: str, rounds: int) -> dict[str, Any]:
    """Runs one program in a process of its own and watches the memory of that process and its children."""
    import psutil

    command = [sys.executable, __file__, "--program", program, "--rounds", str(rounds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak = [0]

    def watch() -> None:
        while process.poll() is None:
            try:
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                peak[0] = max(peak[0], sum(member.memory_info().rss for member in family))
            except psutil.Error:
                pass
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{program} failed with status {process.returncode}")
    return {**json.loads(output.splitlines()[-1]), "peak_mib": peak[0] / 2**20}


def main() -> None:
    """Prints a table; fails where `ours` and `floor` do not compute the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3, help="times each program is started, in turn")
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    if options.program:
        from tff_health.runtime.quiet import silence_tensorflow

        silence_tensorflow()
        seconds, weights = {"listing": run_listing, "ours": run_ours, "floor": run_floor}[options.program](
            options.rounds
        )
        print(json.dumps({"seconds": seconds, "weights": weights}))
        return

    import numpy as np

    runs: dict[str, list[dict[str, Any]]] = {program: [] for program in PROGRAMS}
    for _ in range(options.repeats):
        for program in PROGRAMS:
            # The listing takes seconds a round; a few of them tell as much.
            runs[program].append(measured(program, min(options.rounds, 6) if program == "listing" else options.rounds))
    difference = max(
        float(np.abs(np.array(a) - np.array(b)).max())
        for a, b in zip(runs["ours"][0]["weights"], runs["floor"][0]["weights"], strict=True)
    )
    # The first round of each start traces and compiles; it is shown apart.
    later = {name: [s for run in found for s in run["seconds"][1:]] for name, found in runs.items()}
    middle = {name: statistics.median(seconds) for name, seconds in later.items()}
    print(f"{CLIENTS} clients x {ROWS} rows, {len(os.sched_getaffinity(0))} cores, {options.repeats} starts of each")
    print(f"{'program':<9}{'s/round':>10}{'min':>10}{'max':>10}{'first':>10}{'peak MiB':>10}")
    for name in PROGRAMS:
        first = statistics.median(run["seconds"][0] for run in runs[name])
        memory = max(run["peak_mib"] for run in runs[name])
        low, high = min(later[name]), max(later[name])
        print(f"{name:<9}{middle[name]:>10.4f}{low:>10.4f}{high:>10.4f}{first:>10.2f}{memory:>10.0f}")
    print(f"listing / ours: {middle['listing'] / middle['ours']:.1f} (target: at least 30)")
    print(
        f"ours / floor: {middle['ours'] / middle['floor']:.1f}; the difference is TFF's: every client's data set is "
        "serialised, sent to the worker and opened there in every round, about 5 ms a client, whatever the arithmetic."
    )
    print(f"largest difference between the weights of ours and floor: {difference:.1e}")
    if difference > 1e-5:
        raise SystemExit("ours and floor did not compute the same rounds")


if __name__ == "__main__":
    main()
