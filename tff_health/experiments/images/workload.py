"""The cells of an experiment on images and how much they are; a unit of work is about a second on one core."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tff_health.experiments.images.settings import ImageEvaluationSettings, ImagesArm, ImagesSettings
from tff_health.experiments.units import Unit

REAL = "real"
"""Label of the cells of real images."""

_NETWORK = 25.0  # to train the convolutional network once
_SHALLOW = 3.0  # each of the other classifiers
_SIMILARITY, _FEATURES, _CLOSEST, _ATTACKS = 4.0, 6.0, 15.0, 20.0
_FIT = 20.0  # of a user's own synthesizer
_TRACING = 10.0
_LOCAL_STEP = 0.02  # of a discriminator in a hospital, 32 images
_GENERATOR_STEP = 0.025
_PRIVATE_TURN = 0.2  # of a private DCGAN's critic and generator on the server, 200 images
_HOSPITALS = 5.0  # before their number is known


def image_units(settings: ImagesSettings, name: str) -> list[Unit]:
    """The cells of a dataset in the order of tables: seed by seed, real images first."""
    found = []
    for seed in range(settings.seeds_of(name)):
        labels = [label for label in settings.datasets[name].arms if seed < settings.seeds_of(name, label)]
        found += [Unit(name, label, seed) for label in (REAL, *labels)]
    return found


def classifying_work(chosen: ImageEvaluationSettings) -> float:
    """Training every classifier once."""
    shallow = _SHALLOW * sum(name != "cnn" for name in chosen.classifiers)
    return shallow + (_NETWORK if "cnn" in chosen.classifiers else 0.0)


def real_work(chosen: ImageEvaluationSettings) -> float:
    """Measuring real images with one seed."""
    return 1.0 + classifying_work(chosen) * (1.5 if chosen.low_data else 1.0)


def fitting_work(arm: ImagesArm) -> float:
    """Fitting all of an arm's generators with one seed."""
    training = _group(arm.options.get("training"))
    if arm.method == "private-dcgan":
        turns = int(training.get("rounds", 10)) * int(training.get("generator_updates", 100))
        return _TRACING + turns * _PRIVATE_TURN * int(training.get("generator_batch_size", 200)) / 200
    if arm.method != "dcgan":
        return _FIT
    local, own = (int(training.get(name, 10)) for name in ("local_updates", "generator_updates"))
    rounds = math.ceil(int(arm.options.get("updates", 2000)) / max(own, 1))
    hospitals = 1.0 if arm.data == "pooled" else _HOSPITALS
    a_round = local * hospitals * _LOCAL_STEP * int(training.get("batch_size", 32)) / 32
    # A hospital alone has a generator of its own to train.
    alone = _HOSPITALS if arm.data == "each-hospital" else 1.0
    return alone * (_TRACING + rounds * own * _GENERATOR_STEP) + rounds * a_round


def measuring_steps(chosen: ImageEvaluationSettings, augments: bool) -> dict[str, float]:
    """What measuring the images of one generator consists of, in order, and how much each step is.

    Args:
        chosen: what to measure.
        augments: whether the images are set beside real ones for classifiers.
    """
    once = classifying_work(chosen)
    steps = {
        "tstr": once,
        "augmented": 2.0 * once if augments and chosen.augmentation else 0.0,
        "low-data-augmented": 1.1 * once if augments and chosen.low_data else 0.0,
        "diversity": _SIMILARITY if chosen.diversity else 0.0,
        "features": _FEATURES if chosen.frozen_classifier else 0.0,
        "memorisation": _CLOSEST if chosen.memorisation else 0.0,
        "membership": _ATTACKS if chosen.membership else 0.0,
    }
    return {name: work for name, work in steps.items() if work}


def measuring_work(chosen: ImageEvaluationSettings, arm: ImagesArm) -> float:
    """Measuring the images of all of an arm's generators with one seed."""
    work = sum(measuring_steps(chosen, arm.augments).values())
    return work * (_HOSPITALS if arm.data == "each-hospital" else 1.0)


def cell_work(settings: ImagesSettings, dataset: str, label: str) -> float:
    """Everything about one arm, or about real images, with one seed."""
    chosen = settings.evaluation_of(dataset)
    if label == REAL:
        return real_work(chosen)
    arm = settings.datasets[dataset].arms[label]
    return fitting_work(arm) + measuring_work(chosen, arm)


def _group(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
