"""What can be said against an experiment on images before TensorFlow is imported and a folder is made."""

from __future__ import annotations

import numpy as np

from data.errors import DataError, SettingsError
from data.image_federation import ImageFederation
from tff_health.experiments.apart.image_federation import HeldImageFederation
from tff_health.experiments.generators.arm_checks import placed
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.images.parts import parts
from tff_health.experiments.images.settings import ImagesSettings

LEAST_SCORED = 10
SMALLEST_SIMILAR = 11
"""Pixels of a side that structural similarity takes: `evaluation.images.similarity.WINDOW`, which needs TensorFlow."""


def check_images(settings: ImagesSettings, name: str, federation: ImageFederation | HeldImageFederation) -> None:
    """Plans every arm with the hospitals that will train.

    Args:
        settings: of the experiment.
        name: the dataset in the settings.
        federation: its hospitals.

    Raises:
        SettingsError: names the arm: an epsilon out of reach, more images asked for than there are, or a size that its
            networks do not have; or something is to be measured that small images do not allow.
        DataError: too few held-out images, or an arm whose hospitals nothing can be trained on.
    """
    if federation.held_out < LEAST_SCORED:
        raise DataError(
            f"{name}: {federation.held_out} test images are too few to measure synthetic images on; hold out at least "
            f"{LEAST_SCORED}."
        )
    chosen = settings.evaluation_of(name)
    if federation.size < SMALLEST_SIMILAR and (chosen.diversity or chosen.memorisation):
        raise SettingsError(
            f"datasets.{name}: images of {federation.size} pixels a side are too small for structural similarity, "
            f"which takes {SMALLEST_SIMILAR}; set diversity and memorisation of the evaluation to false."
        )
    counts = federation.training_images
    for label, arm in settings.datasets[name].arms.items():
        try:
            plan_arm(arm, counts).synthesizer.check_size(federation.size)
            if arm.images and arm.images > sum(counts.values()):
                raise SettingsError(f"images = {arm.images}, but there are {sum(counts.values())} training images.")
        except SettingsError as error:
            raise placed(error, name, label) from None
        if isinstance(federation, ImageFederation):
            for part in parts(arm, federation):
                assert isinstance(part.federation, ImageFederation)
                _check_trainable(part.federation, f"datasets.{name}.arms.{label}")


def _check_trainable(federation: ImageFederation, place: str) -> None:
    try:
        federation.require_trainable()
    except DataError as error:
        raise DataError(f"{place}: {error}") from None
    if len(np.unique(np.concatenate([member.train.labels for member in federation.members]))) < 2:
        raise DataError(f"{place}: its hospitals hold images of one class only; let them train with others.")
