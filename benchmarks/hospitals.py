"""What it costs that hospitals are apart: five workers behind TLS on this machine against one worker for all.

    uv run python benchmarks/hospitals.py dcgan      # a DCGAN round: five workers against one
    uv run python benchmarks/hospitals.py masking    # the same round of 1,000,000 parameters, masked and not
    uv run python benchmarks/hospitals.py threads    # a FedAvg round: all workers at once, and TFF's stock context

Images are phantoms, as many as PneumoniaMNIST has to train on; networks and batches are those of the preset `dcgan`.
Every measurement is the median of a training's later rounds in a process of its own, so that start-up and compilation
do not count. Variants take turns, so that other work on the machine slows none alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
HOSPITALS, IMAGES, SIZE, LEFT_OUT = 5, 4708, 28, 3
TARGETS = {"dcgan": ("apart", "together", 1.5), "masking": ("masked", "secure sum, masks of zeros", 1.2)}
VARIANTS = {
    "dcgan": ("together", "apart", "apart, masked"),
    "masking": ("plain", "secure sum, masks of zeros", "masked"),
    "threads": ("together", "at once", "stock"),
}


def main() -> None:
    """Takes turns and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(VARIANTS))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=8, help="real images a step of each hospital's discriminator")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(_rounds(chosen)))
        return
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    turns = []
    for turn in range(chosen.turns):
        turns.append({name: _measured(chosen, name) for name in VARIANTS[chosen.what]})
        said = ", ".join(f"{name} {values['seconds']:.2f} s" for name, values in turns[-1].items())
        print(f"turn {turn}: {said}, load {os.getloadavg()[0]:.1f}", flush=True)
    _print_table(chosen.what, turns)


def _print_table(what: str, turns: list[Mapping[str, Mapping[str, float]]]) -> None:
    table = pd.DataFrame([{name: values["seconds"] for name, values in turn.items()} for turn in turns])
    print(f"\nSeconds a round, {len(turns)} turns; {int(next(iter(turns[0].values()))['parameters']):,} parameters:")
    for name in table:
        print(f"{name:22} median {table[name].median():.3f} ({table[name].min():.3f} to {table[name].max():.3f})")
    if what in TARGETS:
        slow, fast, target = TARGETS[what]
        ratio = table[slow] / table[fast]
        print(
            f"{slow} over {fast} of the same turn: {ratio.median():.2f} ({ratio.min():.2f} to {ratio.max():.2f}); "
            f"target at most {target}."
        )


def _measured(chosen: argparse.Namespace, variant: str) -> dict[str, float]:
    options = ["--rounds", str(chosen.rounds), "--batch", str(chosen.batch)]
    command = [sys.executable, __file__, chosen.what, "--only", variant, *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _rounds(chosen: argparse.Namespace) -> dict[str, float]:
    from tff_health.runtime.quiet import silence_tensorflow

    silence_tensorflow()
    if chosen.what == "threads":
        return _fedavg(chosen.only, chosen.rounds)
    return _dcgan(chosen)


def _dcgan(chosen: argparse.Namespace) -> dict[str, float]:
    from data.modality import load_image_dataset
    from tff_health.experiments.apart.held_images import held_images
    from tff_health.hospitals.held_facts import FACTS_FILE, data_folder
    from tff_health.hospitals.held_images import read_image_facts
    from tff_health.hospitals.hospital_folder import WORK
    from tff_health.learning.dcgan.settings import DcganSettings
    from tff_health.synthesis.images.dcgan import Dcgan

    options = {"images": IMAGES, "test_images": 10, "validation_images": 2, "size": SIZE, "hospitals": HOSPITALS}
    federation = load_image_dataset("xray_phantom", options, seed=1)
    training = DcganSettings(batch_size=chosen.batch, generator_batch_size=40, balance=0.5)
    secure = chosen.only in ("masked", "secure sum, masks of zeros", "apart, masked")
    if chosen.what == "masking" or secure:
        training = replace(training, memory="fresh")
    if chosen.what == "masking":
        training = replace(training, discriminator_channels=_channels(training, 1_000_000))
    gan = Dcgan(
        updates=chosen.rounds * training.generator_updates,
        training=training,
        probes=0,
        aggregator="secure-weighted" if secure else "mean",
    )
    clock = _Clock()
    if chosen.only.startswith("together"):
        fitted = gan.fit(federation, seed=1, progress=clock)
    else:
        with _apart({"x-rays": federation}) as (context, simulated):
            texts = {
                name: (folder / WORK / data_folder("x-rays") / FACTS_FILE).read_bytes()
                for name, folder in simulated.folders.items()
            }
            with _installed(context), _without_masks(chosen.only.endswith("zeros")):
                fitted = gan.fit(held_images("x-rays", read_image_facts(texts, "x-rays")), seed=1, progress=clock)
    return {"seconds": clock.median, "parameters": fitted.facts["bytes_up"] / 4}


@contextlib.contextmanager
def _without_masks(chosen: bool) -> Iterator[None]:
    """Hospitals clip, round and send as under masks, but draw none: what masks themselves cost."""
    import tensorflow as tf

    from tff_health.secure_aggregation import hospital_side

    drawn = hospital_side.sums_of_masks
    if chosen:
        hospital_side.sums_of_masks = lambda pairs, attempt, rings, entries: tuple(
            tf.zeros([count], ring.dtype) for ring, count in zip(rings, entries, strict=True)
        )
    try:
        yield
    finally:
        hospital_side.sums_of_masks = drawn


def _channels(training: Any, parameters: int) -> int:
    """Channels of a discriminator with about so many parameters."""
    from models.dcgan import discriminator

    def off(width: int) -> int:
        return abs(discriminator(SIZE, 2, channels=width).count_params() - parameters)

    return min(range(8, 257, 2), key=off)


def _fedavg(variant: str, rounds: int) -> dict[str, float]:
    import tensorflow_federated as tff

    from tff_health.runtime.context import execution_context

    process, data, parameters = _mlp_process()
    clock = _Clock()

    def train() -> None:
        state = process.initialize()
        for done in range(rounds):
            state = process.next(state, data).state
            clock(done + 1, rounds, {})

    if variant == "together":
        with execution_context():
            train()
        return {"seconds": clock.median, "parameters": parameters}
    with _apart(_small_federation()) as (context, _):
        if variant == "at once":
            with _installed(context):
                train()
        else:
            channels = [own.worker.channel for own in context._hospitals.values()]
            stock = [_stock_context(channel) for channel in channels]
            with _installed(tff.backends.native.create_mergeable_comp_execution_context(stock)):
                train()
    return {"seconds": clock.median, "parameters": parameters}


def _stock_context(channel: Any) -> Any:
    """TFF's own executor and context over a worker, nothing of ours but the channel."""
    import tensorflow_federated as tff

    def executor(cardinalities: Any) -> Any:
        remote = tff.framework.RemoteExecutor(tff.framework.RemoteExecutorGrpcStub(channel))
        remote.set_cardinalities({tff.CLIENTS: 0} | dict(cardinalities))
        return remote

    return tff.framework.AsyncExecutionContext(
        tff.framework.ResourceManagingExecutorFactory(executor),
        compiler_fn=tff.backends.native.desugar_and_transform_to_native,
        transform_args=tff.tensorflow.transform_args,
        transform_result=tff.tensorflow.transform_result,
    )


def _small_federation() -> dict[str, Any]:
    from data.catalogue import load_dataset

    return {"rows": load_dataset("breast_cancer", {"hospitals": HOSPITALS}, seed=1)}


def _mlp_process() -> tuple[Any, list[Any], int]:
    """FedAvg of a dense network, on as many rows as take each hospital about a tenth of a second."""
    import tensorflow as tf
    import tensorflow_federated as tff

    rng = np.random.default_rng(0)
    shape, width = (100,), 512
    data = [
        tf.data.Dataset.from_tensor_slices(
            (rng.normal(size=(2000, *shape)).astype(np.float32), rng.integers(0, 2, (2000, 1)).astype(np.float32))
        ).batch(50)
        for _ in range(HOSPITALS)
    ]

    def model() -> Any:
        layers = [tf.keras.layers.Dense(width, "relu", input_shape=shape), tf.keras.layers.Dense(width, "relu")]
        network = tf.keras.Sequential([*layers, tf.keras.layers.Dense(1, "sigmoid")])
        return tff.learning.models.from_keras_model(
            network, loss=tf.keras.losses.BinaryCrossentropy(), input_spec=data[0].element_spec
        )

    process = tff.learning.algorithms.build_weighted_fed_avg(
        model, client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1)
    )
    parameters = (shape[0] + 1) * width + (width + 1) * width + width + 1
    return process, data, parameters


def _apart(federations: Mapping[str, Any]) -> Any:
    """Five workers behind TLS, and a context over them."""
    from tff_health.hospitals.connected import connected
    from tff_health.hospitals.simulated import simulated_hospitals

    @contextlib.contextmanager
    def opened() -> Any:
        with (
            simulated_hospitals(federations) as simulated,
            connected(simulated.roster, simulated.identity) as context,
        ):
            yield context, simulated

    return opened()


def _installed(context: Any) -> Any:
    import tensorflow_federated as tff

    return tff.framework.get_context_stack().install(context)


class _Clock:
    """Hears of every round and knows how long the later ones took."""

    def __init__(self) -> None:
        self._ends: list[float] = []

    def __call__(self, done: int, total: int, values: Mapping[str, float]) -> None:
        self._ends.append(time.perf_counter())

    @property
    def median(self) -> float:
        return float(np.median(np.diff(self._ends)[LEFT_OUT:]))


if __name__ == "__main__":
    main()
