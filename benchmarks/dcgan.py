"""The federated DCGAN with one hospital against a plain Keras DCGAN on the same images: milliseconds an update.

    uv run python benchmarks/dcgan.py                 # five rounds of turns
    uv run python benchmarks/dcgan.py --turns 10 --hospitals 5

Both have the same networks, losses, penalty, batches and number of steps: an update is one step of the discriminator
on 32 real and 32 generated images, with its penalty, and one of the generator on 64. The plain one is the training loop
that anyone would write: images in memory, one process, one `tf.function` for both steps, Keras' Adam, TensorFlow's own
choice of threads. Images are phantoms, as many as PneumoniaMNIST has to train on, so that nothing need be downloaded.
Time is the slope between a short and a long training, so that start-up and compilation do not count; all take turns, so
that other work on the machine slows none alone; processor time, of all processes and threads, is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
IMAGES, SIZE, CLASSES = 4708, 28, 2
UPDATES = (100, 400)
TARGET = 1.2
PLAIN = "plain Keras"


def main() -> None:
    """Takes turns and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--hospitals", type=int, nargs="*", default=[1], help="numbers of hospitals to measure")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores for either")
    parser.add_argument("--only", choices=["plain", "federated"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        train = _plain() if chosen.only == "plain" else _federated(chosen.hospitals[0])
        print(json.dumps(_slopes(train)))
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.threads])  # all children inherit it
    print(f"{chosen.threads} cores, load {os.getloadavg()[0]:.1f}")
    runs: dict[str, Callable[[], list[float]]] = {PLAIN: lambda: _measured("plain", 1)}
    for number in chosen.hospitals:
        runs[f"federated, {number} hospital{'s' if number > 1 else ''}"] = lambda n=number: _measured("federated", n)
    turns = []
    for turn in range(chosen.turns):
        turns.append({name: run() for name, run in runs.items()})
        said = ", ".join(f"{name} {wall:.1f} / {processor:.1f}" for name, (wall, processor) in turns[-1].items())
        print(f"turn {turn}: {said} ms by the clock / the processor, load {os.getloadavg()[0]:.1f}", flush=True)
    for place, what in enumerate(("by the clock", "of processor time")):
        table = pd.DataFrame([{name: values[place] for name, values in turn.items()} for turn in turns])
        print(f"\nMilliseconds an update {what}, {chosen.turns} turns, {UPDATES[0]} to {UPDATES[1]} updates:")
        for name in table:
            ratio = table[name] / table[PLAIN]
            print(
                f"{name:24} median {table[name].median():.1f} ({table[name].min():.1f} to {table[name].max():.1f}), "
                f"over plain of the same turn {ratio.median():.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
            )
    print(f"Target with one hospital, by the clock: at most {TARGET}.")


def _measured(which: str, hospitals: int) -> list[float]:
    """Milliseconds an update by clock and processor, in a process of its own."""
    command = [sys.executable, __file__, "--only", which, "--hospitals", str(hospitals)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _slopes(train: Callable[[int], None]) -> list[float]:
    train(10)  # fills caches
    taken = []
    for updates in UPDATES:
        before = time.perf_counter(), _processor_seconds()
        train(updates)
        taken.append([time.perf_counter() - before[0], _processor_seconds() - before[1]])
    return [1000 * (long - short) / (UPDATES[1] - UPDATES[0]) for short, long in zip(*taken, strict=True)]


def _processor_seconds() -> float:
    """Of this process and of those it has ended, such as TFF's worker."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def _federation(hospitals: int):
    from data.modality import load_image_dataset

    options = {"images": IMAGES, "test_images": 2, "validation_images": 2, "size": SIZE, "hospitals": hospitals}
    return load_image_dataset("xray_phantom", options, seed=1)


def _federated(hospitals: int) -> Callable[[int], None]:
    from tff_health.learning.dcgan.settings import DcganSettings
    from tff_health.synthesis.images.dcgan import Dcgan

    federation = _federation(hospitals)
    training = DcganSettings(batch_size=32 // hospitals)

    def train(updates: int) -> None:
        Dcgan(updates=updates, training=training, probes=0).fit(federation, seed=1)

    return train


def _plain() -> Callable[[int], None]:
    from models.dcgan import discriminator as build_discriminator
    from models.dcgan import generator as build_generator
    from tff_health.learning.dcgan.settings import DcganSettings

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    own = DcganSettings()
    images = _federation(1).hospitals[0].train
    one_hot = np.eye(CLASSES, dtype=np.float32)[images.labels]
    shares = tf.math.log(tf.constant([one_hot.mean(0)]))
    generator = build_generator(SIZE, own.latent_dim, CLASSES, channels=own.generator_channels)
    discriminator = build_discriminator(SIZE, CLASSES, channels=own.discriminator_channels)
    adams = [tf.keras.optimizers.Adam(own.generator_learning_rate, own.beta_1, own.beta_2) for _ in range(2)]
    cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    seed = tf.zeros([2], tf.int64)  # of dropout, of which there is none

    def made(classes):
        return generator([tf.random.normal([len(classes), own.latent_dim]), classes], training=True)

    @tf.function
    def step(real, classes):
        fake = made(classes)
        with tf.GradientTape() as tape:
            of_real = discriminator([real, classes, seed], training=True)
            of_fake = discriminator([fake, classes, seed], training=True)
            with tf.GradientTape() as inner:
                inner.watch(real)
                total = tf.reduce_sum(discriminator([real, classes, seed], training=True))
            penalty = tf.reduce_mean(tf.reduce_sum(inner.gradient(total, real) ** 2, [1, 2, 3]))
            loss = cross_entropy(tf.ones_like(of_real), of_real) + cross_entropy(tf.zeros_like(of_fake), of_fake)
            loss += own.penalty_weight * penalty
        variables = discriminator.trainable_variables
        adams[0].apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

        classes = tf.one_hot(tf.random.categorical(shares, own.generator_batch_size)[0], CLASSES)
        with tf.GradientTape() as tape:
            scores = discriminator([made(classes), classes, seed], training=True)
            generator_loss = cross_entropy(tf.ones_like(scores), scores)
        variables = generator.trainable_variables
        adams[1].apply_gradients(zip(tape.gradient(generator_loss, variables), variables, strict=True))
        return loss, generator_loss

    dataset = tf.data.Dataset.from_tensor_slices((images.pixels, one_hot)).shuffle(IMAGES).repeat()
    dataset = dataset.batch(own.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    def train(updates: int) -> None:
        for real, classes in dataset.take(updates):
            losses = step(real, classes)
        assert np.isfinite(losses).all()

    return train


if __name__ == "__main__":
    main()
